import type { OperatorFunction } from 'rxjs'
import type { KVStore } from '../../store/kv-store.ts'
import type { FinalSession, FinalSessionOptions, Sessions } from '../sessionKV.ts'
import type { Timers } from '../timers.ts'
import { timeIn } from './event-time.ts'
import { emitsFinal, late, processFinal } from './final.ts'
import { SessionRules } from './session-rules.ts'

/** Sessions emitted once, when they are final. */
export function finalSessions<T, V>(
  store: KVStore<Sessions<V>>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined) => V,
  options: FinalSessionOptions<T, V>,
): OperatorFunction<T, FinalSession<V>> {
  emitsFinal(options.emit)
  // The watermark has a resolution of one millisecond.
  const timeOf = (record: T): number => Math.floor(timeIn(options.timeOf, record))
  const rules = new SessionRules<T, V>(keyOf, transform, { ...options, timeOf }, 0)
  const wait = (sessions: Sessions<V>, timers: Timers): void => {
    const next = rules.next(sessions)
    if (next !== undefined) timers.set(next)
  }
  return processFinal<T, T, Sessions<V>, FinalSession<V>>(store, options, {
    recordOf: record => record,
    keyOf,
    timeOf,
    lateness: options.grace,
    transform(record, sessions, timers) {
      const after = rules.add(record, sessions, timers.now)
      if (after === sessions || after.length === 0)
        throw late(timeOf(record), timers.now, 'its session is final')
      wait(after, timers)
      return after
    },
    onTimer({ at }, sessions, timers) {
      const after = rules.close(sessions, at)
      wait(after, timers)
      return after.length === 0 ? undefined : after
    },
    resultsOf({ at }, sessions) {
      const closed = rules.closing(sessions, at)
      return closed === undefined ? [] : [closed]
    },
  })
}
