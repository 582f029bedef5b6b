import { constants } from 'node:os'
import { defer, filter, fromEvent, map, merge, type Observable, share } from 'rxjs'

const shared = new Map<NodeJS.Signals, Observable<NodeJS.Signals>>()

/** Emits whenever the process gets this signal; all subscribers share one listener. */
function signal$(name: NodeJS.Signals): Observable<NodeJS.Signals> {
  let signals$ = shared.get(name)
  if (signals$ === undefined) {
    signals$ = fromEvent(process, name).pipe(
      map(() => name),
      share(),
    )
    shared.set(name, signals$)
  }
  return signals$
}

/**
 * Within this time, in milliseconds, the same signal counts as the same request: at Ctrl-C the terminal sends one to
 * the program, and npm, if it runs it, another.
 */
const REPEATED = 250

/** Emits these signals when the process gets them; a repetition at once is dropped. */
export const signals$ = (names: readonly NodeJS.Signals[]): Observable<NodeJS.Signals> =>
  defer(() => {
    let last: NodeJS.Signals | undefined
    let at = 0
    return merge(...names.map(signal$)).pipe(
      filter(signal => {
        const now = performance.now()
        if (signal === last && now - at < REPEATED) return false
        last = signal
        at = now
        return true
      }),
    )
  })

/** The exit code of a process after a signal. */
export const signalExitCode = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]
