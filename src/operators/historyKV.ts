import type { OperatorFunction } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { KVStore } from '../store/kv-store.ts'
import { bound, calling, Fault } from './internal/arguments.ts'
import { timeIn } from './internal/event-time.ts'
import { type ProcessOptions, processKV } from './processKV.ts'

/** Options of {@link historyKV}. */
export interface HistoryOptions<T>
  extends Pick<
    ProcessOptions<T, readonly T[], readonly T[], unknown>,
    'commitSize' | 'remember' | 'deadLetter' | 'commitWith' | 'partition' | 'positionOf'
  > {
  /**
   * The most records to keep of a key.
   * @defaultValue no such bound
   */
  readonly keep?: number | undefined
  /**
   * The greatest age of a record, relative to the newest of its key, in milliseconds; needs `timeOf`.
   * @defaultValue no such bound
   */
  readonly age?: number | undefined
  /**
   * The most bytes of the records of a key together. A znode takes about 1 MB.
   * @defaultValue 1000000
   */
  readonly bytes?: number | undefined
  /**
   * When a record happened: a `Date`, or milliseconds. It is also called for records from the store.
   * @defaultValue none: records stay in the order of arrival
   */
  readonly timeOf?: ((record: T) => number | Date) | undefined
  /**
   * The size of a record in the store, in bytes, for codecs other than `json`.
   * @defaultValue a little more than its JSON
   */
  readonly sizeOf?: ((record: T) => number) | undefined
}

// With brackets: more than its share of the list's brackets and commas.
const jsonSize = (record: unknown): number => Buffer.byteLength(JSON.stringify([record]))

/** Adds a record to a history: keeps the newest records within the bounds, oldest first. */
function boundedBy<T>(options: HistoryOptions<T>): (record: T, history?: readonly T[]) => readonly T[] {
  const { timeOf, sizeOf = jsonSize } = options
  const keep = bound('keep', options.keep, Number.MAX_SAFE_INTEGER)
  const age = bound('age', options.age, Number.MAX_SAFE_INTEGER, 0)
  const bytes = bound('bytes', options.bytes, 1_000_000)
  if (options.age !== undefined && timeOf === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `an \`age\` of ${age} needs \`timeOf\`, which says when a record was`,
    )
  }
  const time = timeOf === undefined ? () => 0 : (record: T) => timeIn(timeOf, record)
  // The records of a batch are measured only once.
  const sizes = new WeakMap<object, number>()
  const size = (record: T): number => {
    if (typeof record !== 'object' || record === null) return calling('sizeOf', () => sizeOf(record))
    const known = sizes.get(record) ?? calling('sizeOf', () => sizeOf(record))
    sizes.set(record, known)
    return known
  }
  return (record, history = []) => {
    // Written this way to include a `sizeOf` that returns no number.
    if (!(size(record) <= bytes)) {
      const message = `the record takes ${size(record)} bytes, and a history \`bytes\` = ${bytes} at most`
      throw new Fault(key => new KVError('VALUE_TOO_LARGE', message, { key }))
    }
    const at = time(record)
    const all = history.toSpliced(history.findLastIndex(other => time(other) <= at) + 1, 0, record)
    const oldest = time(all.at(-1)!) - age
    let room = bytes
    let first = all.length
    while (first > 0 && all.length - first < keep) {
      const next = all[first - 1]!
      room -= size(next)
      if (room < 0 || time(next) < oldest) break
      first--
    }
    return all.slice(first)
  }
}

/**
 * Keeps a history of the newest records of each key in the store, bounded by count, age and bytes.
 *
 * Works as `processKV` does: atomic commits, no update lost with any number of writers. The value under a key is the
 * list of its records, oldest first; with `timeOf`, in order of event time, so that a late record is inserted where it
 * belongs, or dropped if it is beyond the bounds. The list is read and written as a whole: keep it short.
 *
 * Emits `[record, history]` for each record, in order, once durable; completes when the source has completed and all is
 * emitted. Errors are those of `processKV`, and `VALUE_TOO_LARGE` for a record that alone exceeds `bytes`, and
 * `CALLBACK` if `timeOf` or `sizeOf` throws. `INVALID_ARGUMENT`, at once, for a bad option.
 *
 * @example
 * ```ts
 * import { from, map } from 'rxjs'
 * import { historyKV, json, memoryStore } from 'rxkeeper'
 *
 * const store = memoryStore({ value: json<readonly { user: string; page: string }[]>() })
 * from(['/', '/shoes', '/cart']).pipe(
 *   map(page => ({ user: 'ann', page })),
 *   historyKV(store, visit => visit.user, { keep: 2 }),
 *   map(([, history]) => history.map(visit => visit.page)),
 * ).subscribe(pages => console.log(pages.join(' '))) // /, / /shoes, /shoes /cart
 * ```
 *
 * @param keyOf the key of a record
 */
export function historyKV<T extends H, H = T>(
  store: KVStore<readonly H[]>,
  keyOf: (record: T) => string,
  options: HistoryOptions<NoInfer<H>> = {},
): OperatorFunction<T, [record: T, history: readonly H[]]> {
  const { commitSize, remember, deadLetter, commitWith, partition, positionOf } = options
  const process = { commitSize, remember, deadLetter, commitWith, partition, positionOf }
  return processKV(store, keyOf, boundedBy(options), process)
}
