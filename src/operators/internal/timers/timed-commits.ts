import type { Headed } from '../../../store/encoding.ts'
import type { DueCommits, Item } from '../batch.ts'
import type { JournalTurn } from '../journal-entry.ts'
import type { DueIndex, DueWrite } from './due-index.ts'
import { Hint } from './hint.ts'
import { Step } from './step.ts'
import type { Steps } from './steps.ts'
import { newHintOf } from './timed-value.ts'

type Items<T, V> = readonly Item<Step<T>, Headed<V>, unknown>[]

/** Writes the hints that the values of a commit need, with that commit. */
export class TimedCommits<T, V> implements DueCommits<Step<T>, Headed<V>> {
  readonly #index: DueIndex
  readonly #steps: Steps<T>

  constructor(index: DueIndex, steps: Steps<T>) {
    this.#index = index
    this.#steps = steps
  }

  isRecord({ hint }: Step<T>): boolean {
    return hint === undefined
  }

  lastOf(items: Items<T, V>): Items<T, V>[number] | undefined {
    return items.findLast(({ record }) => this.isRecord(record))
  }

  begins(loop: { lacksRecords(): boolean }): void {
    this.#steps.loop = loop
  }

  passed(step: Step<T>): void {
    this.#steps.done(step)
  }

  resultsOf({ outputs }: Step<T>): number {
    return outputs.length
  }

  turnsOf(items: Items<T, V>): readonly JournalTurn[] {
    return items.map(({ record: { now, hint } }) => {
      const time = Number.isFinite(now) ? now : null
      return hint === undefined ? [time] : [time, hint.key]
    })
  }

  replayed(turn: JournalTurn): Step<T> {
    const step = new Step<T>(undefined, new Hint(turn[1]!, timeOf(turn)), timeOf(turn), undefined)
    step.isReplayed = true
    return step
  }

  restore(step: Step<T>, turn: JournalTurn): void {
    step.now = timeOf(turn)
  }

  write(items: Items<T, V>, values: Iterable<Headed<V>>): DueWrite {
    const needed: Hint[] = []
    for (const value of values) {
      const hint = newHintOf(value)
      if (hint !== undefined) needed.push(hint)
    }
    const done: Hint[] = []
    // One that has failed is looked into again, by the next who begins.
    for (const { record: step, error } of items) {
      if (step.hint === undefined || error !== undefined) continue
      done.push(step.hint)
      if (step.renewed !== undefined) needed.push(step.renewed)
    }
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

const timeOf = ([now]: JournalTurn): number => now ?? Number.NEGATIVE_INFINITY
