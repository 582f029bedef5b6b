import { KVError } from '../../base/errors.ts'
import type { Codec } from '../../codecs.ts'
import { nextVersion } from '../../contract/conditions.ts'
import type { Stored, Write } from '../../contract/engine.ts'
import { childOf } from '../../contract/nodes.ts'
import { type Fence, type PartitionState, startOf, type Taken } from '../../contract/owned-partition.ts'
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

/** The nodes that a shard has for its last commits. */
export class Ring {
  /** Commits whose outputs were not taken when this began, in order. */
  readonly pending: readonly JournalEntry[]
  readonly #beside: Codec<Uint8Array> | undefined
  readonly #shard: number
  readonly #node: string
  readonly #nodes: readonly string[]
  /** The version of each node: as it is, and as it will be when all commits on their way are carried out. */
  #versions: (number | 'absent')[]
  #ahead: (number | 'absent')[]
  /** The node that is written next. */
  #slot: number

  /** `taken` and `committed` are places in the partition. */
  constructor(
    beside: Codec<Uint8Array> | undefined,
    shard: number,
    node: string,
    stored: readonly (Stored | undefined)[],
    taken: number,
    committed: number,
  ) {
    // Where all were taken, what the slots hold is over, and may be under a key that is gone.
    const entries = committed <= taken ? [] : entriesOf(node, stored, beside)
    this.#beside = beside
    this.#shard = shard
    this.pending = entries
      .filter(({ from, to }) => from >= taken && from < to && to <= committed)
      .sort((a, b) => a.from - b.from)
    this.#node = node
    this.#nodes = Array.from({ length: RING }, (_, slot) => slotOf(node, slot))
    this.#versions = stored.map(versionOf)
    this.#ahead = [...this.#versions]
    this.#slot = ((this.pending.at(-1)?.slot ?? -1) + 1) % RING
  }

  /** The write for a commit, after those of all before. */
  next(entry: Omit<JournalEntry, 'slot'>): JournalWrite {
    const slot = this.#slot
    const ifVersion = this.#ahead[slot]!
    this.#slot = (slot + 1) % RING
    this.#ahead[slot] = after(ifVersion)
    const node = this.#nodes[slot]!
    const value = encodeEntry(node, entry, this.#beside)
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

  /** Whether a node is one of its own. */
  has(node: string | undefined): boolean {
    return node !== undefined && this.#nodes.includes(node)
  }

  /** Learns which versions its nodes have, where somebody has written one anew (`rotate$`); no commit is on its way. */
  reload<V>(access: Access<V>, then: (error: KVError | undefined) => void): void {
    readSlots(access, this.#node, this.#shard, stored => {
      if (stored instanceof KVError) {
        then(stored)
        return
      }
      this.#versions = stored.map(versionOf)
      this.#ahead = [...this.#versions]
      then(undefined)
    })
  }
}

/**
 * What it takes to make the outputs of commits again that were not taken before the process died: a node for each of
 * the last commits, written with it, that says what its keys held before.
 */
export class Journal {
  /** Whether all outputs are wanted, or only the records that fail. */
  readonly all: boolean
  readonly outputs: Outputs
  /** By shards. */
  readonly rings: readonly Ring[]

  constructor(all: boolean, outputs: Outputs, rings: readonly Ring[]) {
    this.all = all
    this.outputs = outputs
    this.rings = rings
  }

  /** Reads the journal of a partition, whose node has these states, by shards. */
  static load<V>(
    access: Access<V>,
    node: string,
    states: readonly PartitionState<unknown>[],
    all: boolean,
    then: (loaded: Journal | KVError) => void,
  ): void {
    const taken = startOf(states, true)
    const rings: Ring[] = []
    let left = states.length
    let failure: KVError | undefined
    const ended = (): void => {
      if (--left > 0) return
      if (failure !== undefined) {
        then(failure)
        return
      }
      const pending = rings.flatMap(ring => ring.pending)
      whenPrepared(access, pending, () => then(new Journal(all, new Outputs(taken), rings)))
    }
    states.forEach(({ records }, shard) => {
      readSlots(access, node, shard, stored => {
        try {
          if (stored instanceof KVError) throw stored
          rings[shard] = new Ring(access.beside, shard, node, stored, taken.records, records)
        } catch (error) {
          failure ??= KVError.from(error, 'CODEC', 'the journal of outputs cannot be read', node)
        }
        ended()
      })
    })
  }
}

/** After what a partition is read: the first record of which something is left to do. */
export const beginOf = (fences: readonly Fence<unknown>[], journal: Journal | undefined): Taken =>
  journal?.outputs.taken ??
  startOf(
    fences.map(({ state }) => state),
    false,
  )

const versionOf = (stored: Stored | undefined): number | 'absent' => stored?.version ?? 'absent'

/** What the slots of a journal hold. */
const entriesOf = (
  node: string,
  stored: readonly (Stored | undefined)[],
  beside: Codec<Uint8Array> | undefined,
): JournalEntry[] =>
  stored.flatMap((found, slot) =>
    found === undefined ? [] : [entryOf(slotOf(node, slot), found.value, slot, beside)],
  )

/** Goes on when the codec has loaded what it takes to decode the values of a journal. */
function whenPrepared<V>(access: Access<V>, entries: readonly JournalEntry[], then: () => void): void {
  const loading = entries.flatMap(({ before }) =>
    Array.from(before, ([key, bytes]) => bytes && access.prepare(key, bytes)),
  )
  if (loading.every(each => each === undefined)) then()
  else void Promise.allSettled(loading).then(then)
}

/** Reads the nodes of a journal in a shard; `then` gets them by their slots, or the first error. */
function readSlots<V>(
  access: Access<V>,
  node: string,
  shard: number,
  then: (stored: readonly (Stored | undefined)[] | KVError) => void,
): void {
  const stored: (Stored | undefined)[] = new Array(RING).fill(undefined)
  let left = RING
  let failure: KVError | undefined
  for (let slot = 0; slot < RING; slot++) {
    access.readNode(
      slotOf(node, slot),
      found => {
        if (found instanceof KVError) failure ??= found
        else stored[slot] = found
        if (--left === 0) then(failure ?? stored)
      },
      shard,
    )
  }
}

/** Whether a node is a slot of a journal. */
export const isSlot = (node: string): boolean => /\/outputs-\d$/.test(node)

/** The node of a slot, below the partition's. */
const slotOf = (node: string, slot: number): string => childOf(node, `outputs-${slot}`)

const after = (version: number | 'absent'): number => (version === 'absent' ? 0 : nextVersion(version))
