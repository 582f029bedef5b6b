import type { Write } from '../../engine.ts'
import type { KVError } from '../../errors.ts'
import type { BytesPut, Mutation } from '../../store/kv-store.ts'
import { callbackError } from './arguments.ts'
import type { Batch, Item, Process } from './batch.ts'
import type { Cell } from './cells.ts'
import type { CommitFence, FenceWrite } from './commit-fence.ts'

/** A commit: the records that it covers, the last value of each of their keys, and what travels with them. */
export class Commit<T, V, R> {
  readonly batch: Batch<T, V, R>
  /** Where its records begin in the batch. */
  readonly from: number
  readonly items: readonly Item<T, V, R>[]
  readonly cells: readonly Cell<V>[]
  /** Those of the cells first, in their order, then those of `commitWith`. */
  readonly mutations: readonly (Mutation<V> | BytesPut)[]
  readonly fenceWrite: FenceWrite | undefined
  /** What came of it, once that is known. */
  result: 'durable' | KVError | undefined
  /** The mutation of each cell; a cell that is as it was has none. */
  readonly #mutationOf: readonly (Mutation<V> | undefined)[]

  /** Of the records of a batch up to `end`; from now on the next records are run on what it leaves. */
  constructor(
    process: Process<T, V, R>,
    fence: CommitFence<T> | undefined,
    batch: Batch<T, V, R>,
    end: number,
  ) {
    this.batch = batch
    this.from = batch.from
    this.items = batch.items.slice(batch.from, end)
    this.cells = batch.prepare(end)
    const mutations: (Mutation<V> | BytesPut)[] = []
    this.#mutationOf = this.cells.map(cell => {
      const mutation = cell.mutation(process.unchanged)
      if (mutation !== undefined) mutations.push(mutation)
      return mutation
    })
    if (process.commitWith !== undefined) mutations.push(...withRecords(process.commitWith, this.items))
    this.mutations = mutations
    this.fenceWrite = fence?.next(this.items.at(-1)!.record, this.items.length)
    for (let i = 0; i < this.cells.length; i++) this.cells[i]!.sent(this.#mutationOf[i])
  }

  get nodes(): readonly Write[] {
    return this.fenceWrite === undefined ? [] : [this.fenceWrite.write]
  }

  isDurable(fence: CommitFence<T> | undefined): void {
    for (let i = 0; i < this.cells.length; i++) this.cells[i]!.committed(this.#mutationOf[i])
    if (this.fenceWrite !== undefined) fence?.committed(this.fenceWrite)
  }

  /** It was not carried out, nor any that is on its way. */
  isUndone(): void {
    for (const cell of this.cells) cell.fallBack()
  }
}

function withRecords<T, V, R>(
  commitWith: NonNullable<Process<T, V, R>['commitWith']>,
  items: readonly Item<T, V, R>[],
): Iterable<Mutation<V> | BytesPut> {
  try {
    return [...commitWith(items.map(({ record }) => record))]
  } catch (error) {
    throw callbackError('commitWith', error)
  }
}
