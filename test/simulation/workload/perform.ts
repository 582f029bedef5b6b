import type { Observable } from 'rxjs'
import type { CallOptions, Mutation } from '../../../src/store/kv-store.ts'
import type { ObservedStore } from './observed.ts'
import type { Call, Condition, Value } from './plan.ts'

/** A call as it is made, with what it puts and expects. */
export interface Made {
  readonly observable: Observable<unknown>
  readonly puts: Map<string, string>
  readonly conditions: Map<string, number | 'absent'>
}

/** The value that an operation writes; its identity is in it. */
const valueBy = (id: string, n: number, bytes = 0): Value =>
  bytes === 0 ? { by: id, n } : { by: id, n, pad: 'x'.repeat(bytes) }

/** What the codec of the simulation refuses to encode. */
export const UNENCODABLE: Value = { by: 'nobody', n: -1 }

/** Makes a call of a store; nothing is asked for until it is subscribed to. */
export function make(call: Call, id: string, { store, seen }: ObservedStore, options: CallOptions): Made {
  const puts = new Map<string, string>()
  const conditions = new Map<string, number | 'absent'>()
  const put = (key: string, bytes?: number): Value => {
    const value = valueBy(id, 0, bytes)
    puts.set(key, JSON.stringify(value))
    return value
  }
  const condition = <C extends number | 'absent'>(
    key: string,
    ifVersion: Condition,
    otherwise: C | undefined,
  ) => {
    const expected = ifVersion === 'seen' ? (seen.get(key) ?? otherwise) : ifVersion
    if (expected !== undefined) conditions.set(key, expected)
    return expected === undefined ? {} : { ifVersion: expected as C }
  }
  const made = (observable: Observable<unknown>): Made => ({ observable, puts, conditions })
  switch (call.type) {
    case 'get':
      return made(store.get$(call.key, options))
    case 'entry':
      return made(store.entry$(call.key, options))
    case 'getAll':
      return made(store.getAll$(call.keys, options))
    case 'entryAll':
      return made(store.entryAll$(call.keys, options))
    case 'put': {
      const { key, bytes } = call
      const value = put(key, bytes)
      return made(
        store.put$(key, value, { ...options, ...condition(key, call.ifVersion, 'absent' as const) }),
      )
    }
    case 'unencodable':
      return made(store.put$(call.key, UNENCODABLE, options))
    case 'putAll':
      return made(
        store.putAll$(
          call.keys.map(key => [key, put(key)] as const),
          options,
        ),
      )
    case 'delete':
      return made(
        store.delete$(call.key, { ...options, ...condition<number>(call.key, call.ifVersion, undefined) }),
      )
    case 'deleteAll':
      return made(store.deleteAll$(call.keys, options))
    case 'update':
      return made(
        store.update$(
          call.key,
          current => (call.remove ? undefined : valueBy(id, ((current as Value | undefined)?.n ?? 0) + 1)),
          options,
        ),
      )
    case 'transact': {
      const writes = call.writes.map(({ type, key, ifVersion }): Mutation<Value> => {
        if (type === 'put') {
          return { type, key, value: put(key), ...condition(key, ifVersion, 'absent' as const) }
        }
        if (type === 'delete') return { type, key, ...condition<number>(key, ifVersion, undefined) }
        const { ifVersion: expected = 'absent' } = condition(key, ifVersion, 'absent' as const)
        conditions.set(key, expected)
        return { type, key, ifVersion: expected }
      })
      return made(store.transact$(writes, options))
    }
    case 'entries':
      return made(store.entries$({ limit: call.limit, reverse: call.reverse }))
    case 'keys':
      return made(store.keys$({ limit: call.limit, reverse: call.reverse }))
  }
}

/** The keys that a call is about; none where it is about all. */
export function keysOf(call: Call): readonly string[] {
  if ('keys' in call) return call.keys
  if ('key' in call) return [call.key]
  return 'writes' in call ? call.writes.map(({ key }) => key) : []
}
