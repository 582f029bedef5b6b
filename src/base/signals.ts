import { constants } from 'node:os'
import { defer, filter, fromEvent, map, merge, type Observable, share } from 'rxjs'

const shared = new Map<NodeJS.Signals, Observable<NodeJS.Signals>>()

/** Emits a signal each time the process gets it, while subscribed; the process has one listener however many subscribe. */
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
 * How soon the same signal again is the same request, in milliseconds: at a Ctrl-C the terminal tells the program, and
 * npm, if it runs it, tells it once more.
 */
const REPEATED = 250

/** Emits each of these signals that the process gets; one that comes twice at once, once. */
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

/** What a process exits with after a signal. */
export const signalExitCode = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]
