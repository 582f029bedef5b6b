import type { Buffered, JoinBuffers, JoinKVOptions, JoinType, Sided } from '../joinKV.ts'
import { bound, calling } from './arguments.ts'
import { timeIn } from './event-time.ts'

type Side = 'left' | 'right'

const otherOf = (side: Side): Side => (side === 'left' ? 'right' : 'left')

const insert = <T>(buffer: readonly Buffered<T>[], item: Buffered<T>): readonly Buffered<T>[] =>
  buffer.toSpliced(buffer.findLastIndex(({ at }) => at <= item.at) + 1, 0, item)

/** The rules of joining two streams by event time, independent of the store. */
export class JoinRules<L, R, O> {
  readonly #options: Pick<JoinKVOptions<L, R, JoinType, O>, Side | 'project'>
  readonly #before: number
  readonly #after: number
  /** The sides whose records are emitted alone if nothing was joined to them. */
  readonly #alone: ReadonlySet<Side>

  constructor(options: JoinKVOptions<L, R, JoinType, O>) {
    this.#options = options
    this.#before = bound('before', options.before, 0, 0)
    this.#after = bound('after', options.after, 0, 0)
    const { type } = options
    this.#alone = new Set(type === 'outer' ? ['left', 'right'] : type === 'left' ? ['left'] : [])
  }

  keyOf(record: Sided<L, R>): string {
    const { left, right } = this.#options
    return 'left' in record ? left.keyOf(record.left) : right.keyOf(record.right)
  }

  /** In whole milliseconds. */
  timeOf(record: Sided<L, R>): number {
    const { left, right } = this.#options
    return Math.floor(
      'left' in record ? timeIn(left.timeOf, record.left) : timeIn(right.timeOf, record.right),
    )
  }

  /** Adds a record to the waiting ones. */
  add(record: Sided<L, R>, buffers: JoinBuffers<L, R> = { left: [], right: [] }): JoinBuffers<L, R> {
    const at = this.timeOf(record)
    const side = sideOf(record)
    const partners = this.#partners(buffers, side, at)
    const waiting = <T>(own: T): Buffered<T> =>
      partners.size > 0 ? { at, record: own, joined: true } : { at, record: own }
    const join = <T>(other: Buffered<T>): Buffered<T> =>
      partners.has(other as Buffered<L & R>) && other.joined !== true ? { ...other, joined: true } : other
    return 'left' in record
      ? { left: insert(buffers.left, waiting(record.left)), right: buffers.right.map(join) }
      : { left: buffers.left.map(join), right: insert(buffers.right, waiting(record.right)) }
  }

  /** The joined pairs of a record with the waiting ones. */
  outputs(record: Sided<L, R>, buffers: JoinBuffers<L, R> | undefined): readonly O[] {
    if (buffers === undefined) return []
    const partners = this.#partners(buffers, sideOf(record), this.timeOf(record))
    return Array.from(partners, other =>
      'left' in record ? this.#project(record.left, other.record) : this.#project(other.record, record.right),
    )
  }

  /** The earliest time at which a waiting record need no longer wait. */
  next({ left, right }: JoinBuffers<L, R>): number {
    const [first] = left
    const [second] = right
    return Math.min(
      first === undefined ? Number.POSITIVE_INFINITY : this.#over('left', first),
      second === undefined ? Number.POSITIVE_INFINITY : this.#over('right', second),
    )
  }

  /** The records that still wait at a time; `undefined` for none. */
  rest(buffers: JoinBuffers<L, R>, time: number): JoinBuffers<L, R> | undefined {
    const left = buffers.left.filter(item => this.#over('left', item) > time)
    const right = buffers.right.filter(item => this.#over('right', item) > time)
    return left.length === 0 && right.length === 0 ? undefined : { left, right }
  }

  /** The records to emit alone, because their time is over; in order of time. */
  alone(buffers: JoinBuffers<L, R>, time: number): readonly O[] {
    const over = (['left', 'right'] as const).flatMap(side =>
      buffers[side].flatMap(item =>
        this.#alone.has(side) && item.joined !== true && this.#over(side, item) <= time
          ? [{ side, item, at: this.#over(side, item) }]
          : [],
      ),
    )
    return over
      .sort((a, b) => a.at - b.at)
      .map(({ side, item }) =>
        side === 'left'
          ? this.#project(item.record as L, undefined)
          : this.#project(undefined, item.record as R),
      )
  }

  #partners(buffers: JoinBuffers<L, R>, side: Side, at: number): ReadonlySet<Buffered<L & R>> {
    const [before, after] = side === 'left' ? [this.#before, this.#after] : [this.#after, this.#before]
    const others = buffers[otherOf(side)] as readonly Buffered<L & R>[]
    return new Set(others.filter(other => other.at >= at - before && other.at <= at + after))
  }

  /** The time from which on only late records could be joined to it. */
  #over(side: Side, { at }: Buffered<unknown>): number {
    return at + (side === 'left' ? this.#after : this.#before) + 1
  }

  #project(left: L | undefined, right: R | undefined): O {
    const { project } = this.#options
    return project === undefined
      ? ([left, right] as O)
      : calling('project', () => project(left as L, right as R))
  }
}

export const sideOf = (record: Sided<unknown, unknown>): Side => ('left' in record ? 'left' : 'right')
