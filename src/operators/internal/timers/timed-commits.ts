import type { Headed } from '../../../store/encoding.ts'
import type { DueCommits, Item } from '../batch.ts'
import type { DueIndex, DueWrite } from './due-index.ts'
import type { Hint } from './hint.ts'
import type { Step } from './step.ts'
import { newHintOf } from './timed-value.ts'

type Items<T, V> = readonly Item<Step<T>, Headed<V>, unknown>[]

/** Writes the hints that the values of a commit need, with that commit. */
export class TimedCommits<T, V> implements DueCommits<Step<T>, Headed<V>> {
  readonly #index: DueIndex

  constructor(index: DueIndex) {
    this.#index = index
  }

  isRecord({ hint }: Step<T>): boolean {
    return hint === undefined
  }

  lastOf(items: Items<T, V>): Items<T, V>[number] | undefined {
    return items.findLast(({ record }) => this.isRecord(record))
  }

  write(items: Items<T, V>, values: Iterable<Headed<V>>): DueWrite {
    const needed: Hint[] = []
    for (const value of values) {
      const hint = newHintOf(value)
      if (hint !== undefined) needed.push(hint)
    }
    const done: Hint[] = []
    // One that has failed is looked into again, by the next who begins.
    for (const { record: step, error } of items)
      if (step.hint !== undefined && error === undefined) done.push(step.hint)
    const { now, time } = items.at(-1)!.record
    return this.#index.write(needed, done, now, time)
  }

  durable(write: DueWrite): void {
    this.#index.durable(write)
  }

  undone(write: DueWrite): void {
    this.#index.undone(write)
  }
}
