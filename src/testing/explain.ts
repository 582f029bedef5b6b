import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../store/kv-store.ts'
import { KVModel } from './model.ts'
import type { Operation, Outcome } from './operations.ts'

/** An operation that was carried out, and its outcome. */
export interface Performed<V> {
  readonly operation: Operation<V>
  readonly outcome: Outcome
  /** The store that it was called on; concurrent operations of different stores have no order between them. */
  readonly store?: number | undefined
  /** When it was called and when it was settled, by any clock; without times, all operations are concurrent. */
  readonly time?: { readonly begun: number; readonly settled: number } | undefined
}

const READS: readonly Operation<unknown>['type'][] = ['get', 'entry', 'getAll', 'entryAll']

function keysOf<V>(operation: Operation<V>): readonly string[] {
  switch (operation.type) {
    case 'getAll':
    case 'entryAll':
    case 'deleteAll':
      return operation.keys
    case 'putAll':
      return operation.entries.map(([key]) => key)
    case 'transact':
      return operation.writes.map(({ key }) => key)
    case 'entries':
    case 'keys':
      throw new TypeError(`a listing (${operation.type}) has no place in an order of operations`)
    default:
      return [operation.key]
  }
}

/** The part of an operation that takes effect at one moment. */
interface Part<V> extends Performed<V> {
  /** The operation that it is one deletion of, where only the number of keys that existed is known. */
  readonly of?: Performed<V> | undefined
}

/** Reads and deletions of several keys are not atomic: each key is read or deleted separately. */
function split<V>(performed: Performed<V>): Part<V>[] {
  const { operation, outcome } = performed
  if ('error' in outcome) return [performed]
  if (operation.type === 'deleteAll' && operation.keys.length > 0) {
    return Array.from(new Set(operation.keys), key => ({
      ...performed,
      operation: { type: 'delete', key },
      of: performed,
    }))
  }
  if (operation.type !== 'getAll' && operation.type !== 'entryAll') return [performed]
  const found = new Map(outcome.result as [string, unknown][])
  const type = operation.type === 'getAll' ? 'get' : 'entry'
  return Array.from(new Set(operation.keys), key => ({
    ...performed,
    operation: { type, key },
    outcome: { result: found.get(key) },
  }))
}

/**
 * Whether `later`, which was called later on a common key, must also take effect later: always if the earlier operation
 * was settled by then, else if it is a write of the same store. An update is no such write: it is computed on what it
 * reads and written after that, so only other updates stay behind it.
 */
function keepsOrder<V>(earlier: Performed<V>, later: Performed<V>): boolean {
  const keys = keysOf(earlier.operation)
  if (!keysOf(later.operation).some(key => keys.includes(key))) return false
  if (earlier.time !== undefined && later.time !== undefined && earlier.time.settled < later.time.begun)
    return true
  if (earlier.store !== later.store || READS.includes(earlier.operation.type)) return false
  return earlier.operation.type !== 'update' || later.operation.type === 'update'
}

/**
 * Looks for an order of concurrent operations in which the model gives the same outcomes and ends with the entries
 * `after`. Per store and key, operations stay in the order of the calls. Returns the order, or `undefined` where no
 * order explains the outcomes.
 */
export function explain<V>(
  before: Iterable<Entry<V>>,
  performed: readonly Performed<V>[],
  after: readonly Entry<V>[],
): Performed<V>[] | undefined {
  const all = performed.flatMap(split)
  const predecessors = all.map((later, j) =>
    all.flatMap((earlier, i) => (i < j && keepsOrder(earlier, later) ? [i] : [])),
  )
  const done = new Set<number>()
  const tried = new Set<string>()
  const order: Performed<V>[] = []
  /** For each operation that deletes several keys, how many of them have existed so far. */
  const existed = new Map<Performed<V>, number>()
  const agree = () =>
    [...existed].every(([{ outcome }, count]) => isDeepStrictEqual(outcome, { result: count }))

  const search = (model: KVModel<V>): boolean => {
    if (done.size === all.length) return agree() && isDeepStrictEqual(model.entries(), [...after])
    const state = JSON.stringify([[...done].sort((a, b) => a - b), model.entries(), [...existed.values()]])
    if (tried.has(state)) return false
    tried.add(state)
    for (const [i, candidate] of all.entries()) {
      if (done.has(i) || !predecessors[i]!.every(p => done.has(p))) continue
      const next = model.copy()
      const outcome = next.perform(candidate.operation)
      const { of } = candidate
      if (of === undefined && !isDeepStrictEqual(outcome, candidate.outcome)) continue
      const before = of && existed.get(of)
      if (of !== undefined)
        existed.set(of, before! + ('result' in outcome && outcome.result === true ? 1 : 0))
      done.add(i)
      order.push({ ...candidate, outcome })
      if (search(next)) return true
      order.pop()
      done.delete(i)
      if (of !== undefined) existed.set(of, before!)
    }
    return false
  }
  for (const { of } of all) if (of !== undefined) existed.set(of, 0)
  return search(new KVModel(before)) ? order : undefined
}
