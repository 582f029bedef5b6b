import { KVError } from '../../../base/errors.ts'
import type { Write, Written } from '../../../contract/engine.ts'
import { quoteKey } from '../../../contract/keys.ts'
import type { PendingWrite, PlannedWrite } from './plan.ts'

/** What the writes of a task end with: the result of each, or, where it is all or none, the error of all. */
export type WritesEnd = readonly (Written | KVError)[] | KVError

/** The writes of one task, each for itself or all or none: what is left, and what came of the others. */
export class PendingWrites {
  readonly atomic: boolean
  readonly #results: (Written | KVError)[]
  readonly #settled: (index: number, outcome: Written | KVError) => void
  readonly #end: (end: WritesEnd) => void
  #ended = false
  /** What is not settled, in order. */
  #left: readonly PendingWrite[]

  /** `settled` hears of what is settled while others are not, `end`, once, when all is. */
  constructor(
    items: readonly PendingWrite[],
    atomic: boolean,
    settled: (index: number, outcome: Written | KVError) => void,
    end: (end: WritesEnd) => void,
  ) {
    this.atomic = atomic
    this.#left = items
    this.#results = new Array(items.length)
    this.#settled = settled
    this.#end = end
  }

  /** What is not settled, in order. */
  get left(): readonly PendingWrite[] {
    return this.#left
  }

  /** Settles some. */
  settle(settled: readonly { readonly item: PendingWrite; readonly result: Written | KVError }[]): void {
    for (const { item, result } of settled) {
      if (result instanceof KVError && this.atomic) {
        this.#finish(result)
        return
      }
      this.#set(item, result)
    }
    this.#forget(settled.length)
  }

  /** Settles what a multi did, as a whole. */
  done(steps: readonly PlannedWrite[], resultOf: (step: PlannedWrite) => Written): void {
    for (const step of steps) if (!step.item.settled) this.#set(step.item, resultOf(step))
    this.#forget(steps.length)
  }

  /** Settles one with an error: INDETERMINATE where it may have been carried out earlier. */
  fail(item: PendingWrite, error: KVError): void {
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

  /** Settles those that are out of time with an error, each in its own way. */
  expire(late: readonly PendingWrite[], reason: KVError): void {
    for (const item of late) this.#set(item, errorOf(item, reason))
    this.#forget(late.length)
  }

  /** What was settled stays so: an answer may come for one that was out of time before. */
  #set(item: PendingWrite, result: Written | KVError): void {
    if (item.settled) return
    item.settled = true
    this.#results[item.index] = result
  }

  #forget(settled: number): void {
    if (settled > 0) {
      const before = this.#left
      this.#left = before.filter(item => !item.settled)
      // Nobody waits for those that are slower.
      if (this.#left.length > 0 && !this.atomic) {
        for (const { index, settled } of before) if (settled) this.#settled(index, this.#results[index]!)
      }
    }
    if (this.#left.length === 0) this.#finish(this.#results)
  }

  #finish(end: WritesEnd): void {
    this.#left = []
    if (this.#ended) return
    this.#ended = true
    this.#end(end)
  }
}

/** They were sent and are not answered: any of them may have been carried out, but checks, which leave nothing behind. */
export function notAnswered(items: Iterable<PendingWrite>): void {
  for (const item of items) if (item.write.type !== 'check') item.maybeDone = true
}

/** The writes of a task, none of them settled. */
export const pendingWrites = (writes: readonly Write[], pathOf: (key: string) => string): PendingWrite[] =>
  writes.map((write, index) => ({
    index,
    write,
    path: pathOf(write.key),
    failures: 0,
    maybeDone: false,
    settled: false,
  }))

function errorOf({ maybeDone, write: { key, type } }: PendingWrite, reason: KVError): KVError {
  const what = `${type} ${quoteKey(key)}`
  if (!maybeDone) return reason.key === key ? reason : reason.of(key, `${what}: ${reason.message}`)
  if (reason.code === 'INDETERMINATE') return reason
  return new KVError('INDETERMINATE', `${what} was sent, but not answered: ${reason.message}`, {
    key,
    cause: reason,
  })
}
