import { KVError } from '../../base/errors.ts'
import { nextVersion } from '../../contract/conditions.ts'
import type { Stored, Write } from '../../contract/engine.ts'
import { childOf } from '../../contract/nodes.ts'
import type { PartitionState, Taken } from '../../contract/owned-partition.ts'
import type { Access } from '../../store/access.ts'
import { encodeEntry, entryOf, type JournalEntry } from './journal-entry.ts'
import { Outputs } from './outputs.ts'

/** How many commits may have outputs that are not taken: so many nodes the journal has, one for each. */
export const RING = 8

/** What a commit writes into the journal. */
export interface JournalWrite {
  readonly write: Write
  readonly slot: number
}

type NodeAccess = Pick<Access<never>, 'encodeNode' | 'decodeNode'>

/**
 * What it takes to make the outputs of commits again that were not taken before the process died: a node for each of the last
 * commits, written with it, that says what its keys held before.
 */
export class Journal {
  /** Whether all outputs are wanted, or only the records that fail. */
  readonly all: boolean
  readonly outputs: Outputs
  /** Commits whose outputs were not taken when this began, in order. */
  readonly pending: readonly JournalEntry[]
  /** What was committed when this began. */
  readonly committed: Taken
  readonly #access: NodeAccess
  readonly #nodes: readonly string[]
  /** The version of each node: as it is, and as it will be when all commits on their way are carried out. */
  readonly #versions: (number | 'absent')[]
  #ahead: (number | 'absent')[]
  /** The node that is written next. */
  #slot: number

  constructor(
    access: NodeAccess,
    node: string,
    state: PartitionState<unknown>,
    all: boolean,
    stored: readonly (Stored | undefined)[],
  ) {
    const taken = state.taken ?? state
    // Where all were taken, what the slots hold is over, and may be under a key that is gone.
    const entries = taken.records === state.records ? [] : entriesOf(access, node, stored)
    this.#access = access
    this.all = all
    this.committed = { position: state.position, records: state.records }
    this.outputs = new Outputs({ position: taken.position, records: taken.records })
    this.pending = entries
      .filter(({ from, to }) => from >= taken.records && to <= state.records)
      .sort((a, b) => a.from - b.from)
    this.#nodes = Array.from({ length: RING }, (_, slot) => slotOf(node, slot))
    this.#versions = stored.map(found => found?.version ?? 'absent')
    this.#ahead = [...this.#versions]
    this.#slot = ((this.pending.at(-1)?.slot ?? -1) + 1) % RING
  }

  /** Reads the journal of a partition's node. */
  static load<V>(
    access: Access<V>,
    node: string,
    state: PartitionState<unknown>,
    all: boolean,
    then: (loaded: Journal | KVError) => void,
  ): void {
    const stored: (Stored | undefined)[] = new Array(RING).fill(undefined)
    let left = RING
    let failure: KVError | undefined
    const end = (): Journal | KVError => {
      if (failure !== undefined) return failure
      try {
        return new Journal(access, node, state, all, stored)
      } catch (error) {
        return KVError.from(error, 'CODEC', 'the journal of outputs cannot be read', node)
      }
    }
    for (let slot = 0; slot < RING; slot++) {
      access.readNode(slotOf(node, slot), found => {
        if (found instanceof KVError) failure ??= found
        else stored[slot] = found
        if (--left === 0) prepared(access, end(), then)
      })
    }
  }

  /** The write for a commit, after those of all before; `undefined` where nothing need be known of it. */
  next(entry: Omit<JournalEntry, 'slot'>): JournalWrite | undefined {
    if (!this.all && entry.errors.size === 0) return undefined
    const slot = this.#slot
    const ifVersion = this.#ahead[slot]!
    this.#slot = (slot + 1) % RING
    this.#ahead[slot] = after(ifVersion)
    const node = this.#nodes[slot]!
    const value = this.#access.encodeNode(node, encodeEntry(entry))
    return { write: { type: 'put', key: node, value, ifVersion }, slot }
  }

  /** A commit is durable. */
  wrote({ slot }: JournalWrite): void {
    this.#versions[slot] = after(this.#versions[slot]!)
  }

  /** None of the commits on their way was carried out, of which this was the first that wrote something. */
  restore(first: JournalWrite | undefined): void {
    this.#ahead = [...this.#versions]
    if (first !== undefined) this.#slot = first.slot
  }
}

/** Waits for what the codec loads to decode the values of a journal. */
function prepared<V>(
  access: Access<V>,
  loaded: Journal | KVError,
  then: (loaded: Journal | KVError) => void,
): void {
  const entries = loaded instanceof KVError ? [] : loaded.pending
  const loading = entries.flatMap(({ before }) =>
    Array.from(before, ([key, bytes]) => bytes && access.prepare(key, bytes)),
  )
  if (loading.every(each => each === undefined)) then(loaded)
  else void Promise.allSettled(loading).then(() => then(loaded))
}

/** What the slots of a journal hold. */
export const entriesOf = (
  access: Pick<NodeAccess, 'decodeNode'>,
  node: string,
  stored: readonly (Stored | undefined)[],
): JournalEntry[] =>
  stored.flatMap((found, slot) =>
    found === undefined ? [] : [entryOf(access.decodeNode(slotOf(node, slot), found.value), slot)],
  )

/** The node of a slot, below the partition's. */
export const slotOf = (node: string, slot: number): string => childOf(node, `outputs-${slot}`)

const after = (version: number | 'absent'): number => (version === 'absent' ? 0 : nextVersion(version))
