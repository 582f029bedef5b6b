import { constants } from 'node:os'
import { fromEvent, map, merge, type Observable, share } from 'rxjs'

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

/** Emits each of these signals that the process gets. */
export const signals$ = (names: readonly NodeJS.Signals[]): Observable<NodeJS.Signals> =>
  merge(...names.map(signal$))

/** What a process exits with after a signal. */
export const signalExitCode = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]
