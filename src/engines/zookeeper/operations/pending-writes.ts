import { KVError } from '../../../base/errors.ts'
import type { Write, Written } from '../../../contract/engine.ts'
import { quoteKey } from '../../../contract/keys.ts'
import type { PendingWrite, PlannedWrite } from './plan.ts'

/** The results of a task's writes: one each, or, if it is atomic, the error of all. */
export type WritesEnd = readonly (Written | KVError)[] | KVError

/** The writes of one task, independent or atomic: those left, and the results of the others. */
export class PendingWrites {
  readonly atomic: boolean
  readonly #results: (Written | KVError)[]
  readonly #settled: (index: number, outcome: Written | KVError) => void
  readonly #end: (end: WritesEnd) => void
  #ended = false
  /** The unsettled writes, in order. */
  #left: readonly PendingWrite[]

  /** `settled` is called for each write settled before the others, `end` once, when all are. */
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

  /** The unsettled writes, in order. */
  get left(): readonly PendingWrite[] {
    return this.#left
  }

  /** Settles some writes. */
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

  /** Settles the writes of a multi that was carried out. */
  done(steps: readonly PlannedWrite[], resultOf: (step: PlannedWrite) => Written): void {
    for (const step of steps) if (!step.item.settled) this.#set(step.item, resultOf(step))
    this.#forget(steps.length)
  }

  /** Settles a write with an error: INDETERMINATE if it may have been carried out earlier. */
  fail(item: PendingWrite, error: KVError): void {
    this.settle([{ item, result: errorOf(item, error) }])
  }

  /** Settles all remaining writes with an error. */
  failAll(error: KVError): void {
    // If atomic, what may have been done of one may have been done of all.
    const first = this.#left.find(item => item.maybeDone) ?? this.#left[0]
    if (first === undefined) return
    if (this.atomic) this.fail(first, error)
    else this.settle(this.#left.map(item => ({ item, result: errorOf(item, error) })))
  }

  /** Settles late writes, each with its own error. */
  expire(late: readonly PendingWrite[], reason: KVError): void {
    for (const item of late) this.#set(item, errorOf(item, reason))
    this.#forget(late.length)
  }

  /** A settled write stays settled: an answer may still come for one whose deadline had passed. */
  #set(item: PendingWrite, result: Written | KVError): void {
    if (item.settled) return
    item.settled = true
    this.#results[item.index] = result
  }

  #forget(settled: number): void {
    if (settled > 0) {
      const before = this.#left
      this.#left = before.filter(item => !item.settled)
      // Independent writes are reported without waiting for slower ones.
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

/**
 * These were sent without an answer: each of them may have been carried out, except checks, which have no effect.
 */
export function notAnswered(items: Iterable<PendingWrite>): void {
  for (const item of items) if (item.write.type !== 'check') item.maybeDone = true
}

/** The unsettled writes of a new task. */
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
