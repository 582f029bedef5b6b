import { combineLatest, distinctUntilChanged, filter, map, Observable, takeWhile } from 'rxjs'
import type { ConnectionState, Engine, Status, WatchSignal } from '../../contract/engine.ts'

const BADNESS: Record<ConnectionState, number> = { connected: 0, suspended: 1, lost: 2, closed: 3 }

/** The worst status of several, and whose it is; `closed` only when all are. */
function worst(engines: readonly Engine[], all: readonly Status[]): Status {
  let index = 0
  for (let i = 1; i < all.length; i++) if (BADNESS[all[i]!.state] > BADNESS[all[index]!.state]) index = i
  const { state, reason } = all[index]!
  const isClosed = state === 'closed' && all.some(each => each.state !== 'closed')
  if (state === 'connected') return { state, reason: `all ${engines.length}: ${reason}` }
  return { state: isClosed ? 'lost' : state, reason: `${engines[index]!.name}: ${reason}` }
}

/** The status of an engine made of engines: the worst of theirs; once it is closing, only `closed`. */
export const statusOf = (engines: readonly Engine[], isClosing: () => boolean): Observable<Status> =>
  combineLatest(engines.map(({ status$ }) => status$)).pipe(
    map(all => worst(engines, all)),
    filter(({ state }) => state === 'closed' || !isClosing()),
    distinctUntilChanged((a, b) => a.state === b.state && a.reason === b.reason),
    takeWhile(({ state }) => state !== 'closed', true),
  )

/** The watch signals of an engine made of engines: armed while all of them are. */
export const watchAll = (engines: readonly Engine[]): Observable<WatchSignal> =>
  new Observable(subscriber => {
    const armed = new Set<Engine>()
    let open = engines.length
    for (const engine of engines) {
      const watch = engine.watch().subscribe({
        next: signal => {
          const wasArmed = armed.size === engines.length
          if (signal.type === 'armed') armed.add(engine)
          else if (signal.type === 'disarmed') armed.delete(engine)
          const isArmed = armed.size === engines.length
          // Changes while not all are armed need not be signalled: anything may have changed then.
          if (wasArmed || isArmed) subscriber.next(isArmed ? signal : { type: 'disarmed' })
        },
        error: error => subscriber.error(error),
        complete: () => {
          if (--open === 0) subscriber.complete()
        },
      })
      subscriber.add(watch)
    }
  })
