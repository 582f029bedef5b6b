import type { Write, Written } from '../../engine.ts'
import { KVError } from '../../errors.ts'
import { quoteKey } from '../../keys.ts'
import type { Item, Step } from './plan.ts'

/** What a group of writes ends with: the result of each, or, where it is all or none, the error of all. */
export type GroupEnd = readonly (Written | KVError)[] | KVError

/** The writes of one call, each for itself or all or none: what is left, and what came of the others. */
export class Group {
  readonly atomic: boolean
  readonly #results: (Written | KVError)[]
  readonly #end: (end: GroupEnd) => void
  /** What is not settled, in order. */
  #left: readonly Item[]

  /** `end` is called once, as soon as all is settled. */
  constructor(items: readonly Item[], atomic: boolean, end: (end: GroupEnd) => void) {
    this.atomic = atomic
    this.#left = items
    this.#results = new Array(items.length)
    this.#end = end
  }

  /** What is not settled, in order. */
  get left(): readonly Item[] {
    return this.#left
  }

  /** Settles some, which are left. */
  settle(settled: readonly { readonly item: Item; readonly result: Written | KVError }[]): void {
    for (const { item, result } of settled) {
      if (result instanceof KVError && this.atomic) {
        this.#finish(result)
        return
      }
      this.#results[item.index] = result
    }
    if (settled.length === this.#left.length) this.#finish(this.#results)
    else if (settled.length > 0) {
      const gone = new Set(settled.map(({ item }) => item))
      this.#left = this.#left.filter(item => !gone.has(item))
    }
  }

  /** Settles what a multi did, as a whole. */
  done(steps: readonly Step[], resultOf: (step: Step) => Written): void {
    if (steps.length < this.#left.length) {
      this.settle(steps.map(step => ({ item: step.item, result: resultOf(step) })))
      return
    }
    for (const step of steps) this.#results[step.item.index] = resultOf(step)
    this.#finish(this.#results)
  }

  /** Settles one with an error: INDETERMINATE where it may have been carried out earlier. */
  fail(item: Item, error: KVError): void {
    this.settle([{ item, result: errorOf(item, error) }])
  }

  /** Settles all that is left with an error. */
  failAll(error: KVError): void {
    // All or none: what may be done of one may be done of all.
    const first = this.#left.find(item => item.maybeDone) ?? this.#left[0]
    if (first === undefined) return
    if (this.atomic) this.fail(first, error)
    else this.settle(this.#left.map(item => ({ item, result: errorOf(item, error) })))
  }

  #finish(end: GroupEnd): void {
    this.#left = []
    this.#end(end)
  }
}

/** The writes as items of a group. */
export const itemsOf = (writes: readonly Write[], pathOf: (key: string) => string): Item[] =>
  writes.map((write, index) => ({ index, write, path: pathOf(write.key), failures: 0, maybeDone: false }))

function errorOf({ maybeDone, write: { key, type } }: Item, reason: KVError): KVError {
  const what = `${type} ${quoteKey(key)}`
  if (!maybeDone)
    return reason.key === key
      ? reason
      : new KVError(reason.code, `${what}: ${reason.message}`, { key, cause: reason.cause })
  if (reason.code === 'INDETERMINATE') return reason
  return new KVError('INDETERMINATE', `${what} was sent, but not answered: ${reason.message}`, {
    key,
    cause: reason,
  })
}
