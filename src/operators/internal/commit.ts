import type { KVError } from '../../base/errors.ts'
import type { Write } from '../../contract/engine.ts'
import type { Access } from '../../store/access.ts'
import type { Committer } from '../../store/asked.ts'
import type { BytesPut, Mutation } from '../../store/kv-store.ts'
import { callbackError } from './arguments.ts'
import type { Batch, DueCommits, Item, Process } from './batch.ts'
import type { Cell } from './cells.ts'
import type { CommitFence, FenceWrite } from './commit-fence.ts'
import type { JournalWrite, Ring } from './journal.ts'
import type { DueWrite } from './timers/due-index.ts'

/** Who sends commits. */
export interface Sender {
  /** Whether nobody waits for what comes of them any more. */
  readonly isStopped: boolean
  /** One of them has its result. */
  settled(): void
}

/** A commit: the records that it covers, the last value of each of their keys, and what travels with them. */
export class Commit<T, V, R> implements Committer {
  readonly #sender: Sender
  readonly batch: Batch<T, V, R>
  /** Where its records begin in the batch. */
  readonly from: number
  readonly items: readonly Item<T, V, R>[]
  readonly cells: readonly Cell<V>[]
  /** Those of the cells first, in their order, then those of `commitWith`. */
  readonly mutations: readonly (Mutation<V> | BytesPut)[]
  readonly fenceWrite: FenceWrite | undefined
  readonly journalWrite: JournalWrite | undefined
  readonly #due: DueCommits<T, V> | undefined
  readonly #dueWrite: DueWrite | undefined
  /** What came of it, once that is known. */
  result: 'durable' | KVError | undefined
  /** The mutation of each cell; a cell that is as it was has none. */
  readonly #mutationOf: readonly (Mutation<V> | undefined)[]
  /** What is written for each cell, where that is to be known. */
  readonly #bytesOf: (Uint8Array | undefined)[] = []

  /** Of the records of a batch up to `end`; from now on the next records are run on what it leaves. */
  constructor(
    sender: Sender,
    access: Access<V>,
    process: Process<T, V, R>,
    fence: CommitFence<T> | undefined,
    ring: Ring | undefined,
    batch: Batch<T, V, R>,
    end: number,
  ) {
    this.#sender = sender
    this.batch = batch
    this.from = batch.from
    this.items = batch.upTo(end)
    this.cells = batch.prepare(end)
    const mutations: (Mutation<V> | BytesPut)[] = []
    this.#mutationOf = this.cells.map(cell => {
      const mutation = cell.mutation(process.unchanged)
      if (mutation !== undefined) mutations.push(mutation)
      return mutation
    })
    const { commitWith, commitOutputs } = process
    if (commitWith !== undefined)
      mutations.push(
        ...further(
          'commitWith',
          commitWith,
          this.items.map(({ record }) => record),
        ),
      )
    if (commitOutputs !== undefined)
      mutations.push(...further('commitOutputs', commitOutputs, outputsOf(process, this.items)))
    this.mutations = mutations
    const { due } = process
    this.#due = due
    this.#dueWrite = due?.write(this.items, valuesOf(this.#mutationOf))
    const last = due === undefined ? this.items.at(-1) : due.lastOf(this.items)
    this.fenceWrite = fence?.next(this.items.at(-1)!.place, last, this.#dueWrite?.state)
    this.journalWrite = ring && this.#journalWrite(access, ring, process.journal!.all)
    for (let i = 0; i < this.cells.length; i++) this.cells[i]!.sent(this.#mutationOf[i])
  }

  get nodes(): readonly Write[] {
    const nodes: Write[] = this.fenceWrite === undefined ? [] : [this.fenceWrite.write]
    if (this.journalWrite !== undefined) nodes.push(this.journalWrite.write)
    return this.#dueWrite === undefined ? nodes : [...nodes, ...this.#dueWrite.nodes]
  }

  /** Takes what is written for its mutations. */
  encoded(writes: readonly Write[]): void {
    let next = 0
    for (let i = 0; i < this.cells.length; i++) {
      if (this.#mutationOf[i] === undefined) continue
      const write = writes[next++]!
      if (write.type !== 'put') continue
      this.#bytesOf[i] = write.value
      this.cells[i]!.encoded(write.value)
    }
  }

  get withdrawn(): boolean {
    return this.#sender.isStopped
  }

  committed(): void {
    this.result = 'durable'
    this.#sender.settled()
  }

  failed(error: KVError): void {
    this.result = error
    this.#sender.settled()
  }

  isDurable(fence: CommitFence<T> | undefined, ring: Ring | undefined): void {
    for (let i = 0; i < this.cells.length; i++)
      this.cells[i]!.committed(this.#mutationOf[i], this.#bytesOf[i])
    if (this.fenceWrite !== undefined) fence?.committed(this.fenceWrite)
    if (this.journalWrite !== undefined) ring?.wrote(this.journalWrite)
    if (this.#dueWrite !== undefined) this.#due!.durable(this.#dueWrite)
  }

  /** It was not carried out, nor any that is on its way. */
  isUndone(): void {
    for (const cell of this.cells) cell.fallBack()
    if (this.#dueWrite !== undefined) this.#due!.undone(this.#dueWrite)
  }

  /** What it takes to make its outputs again; before its cells are told that it is on its way. */
  #journalWrite(access: Access<V>, ring: Ring, all: boolean): JournalWrite | undefined {
    const { position, records } = this.fenceWrite!.state
    const before = new Map<string, Uint8Array | undefined>()
    if (all) for (const cell of this.cells) before.set(cell.key, cell.before(access))
    const errors = new Map<number, KVError>()
    this.items.forEach(({ error }, i) => {
      if (error !== undefined) errors.set(i, error)
    })
    // Where keys have timers, it also says which places are records'.
    if (!all && errors.size === 0 && this.#due === undefined) return undefined
    const from = this.items[0]!.place - 1
    return ring.next({ from, to: records, position, before, errors, turns: this.#due?.turnsOf(this.items) })
  }
}

function* valuesOf<V>(mutations: readonly (Mutation<V> | undefined)[]): Iterable<V> {
  for (const mutation of mutations) if (mutation?.type === 'put') yield mutation.value
}

/** What is emitted once the commit is durable. */
const outputsOf = <T, V, R>({ project }: Process<T, V, R>, items: readonly Item<T, V, R>[]): R[] =>
  items.flatMap(({ error, record, value, output }) => {
    if (error !== undefined) return []
    return [(project === undefined ? [record, value] : output) as R]
  })

function further<A, V>(
  name: string,
  writes: (all: readonly A[]) => Iterable<Mutation<V> | BytesPut>,
  all: readonly A[],
): Iterable<Mutation<V> | BytesPut> {
  try {
    return [...writes(all)]
  } catch (error) {
    throw callbackError(name, error)
  }
}
