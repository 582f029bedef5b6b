import { KVError } from '../../../base/errors.ts'
import { Heap } from '../../../base/heap.ts'
import type { Stored, Write } from '../../../contract/engine.ts'
import { childOf } from '../../../contract/nodes.ts'
import type { DueState, Fence } from '../../../contract/owned-partition.ts'
import type { Access } from '../../../store/access.ts'
import { decodeHints, encodeHints, Hint } from './hint.ts'
import { levelOf, Segment } from './segment.ts'
import type { EventTime } from './watermark.ts'

/** About how many hints are held in memory. */
const HELD = 65_536
/** How many segments are looked at together when the index is loaded. */
const PAGE = 16
/** How many segments that are done with one commit deletes at most. */
const DELETED = 64
/** How long before its time a segment is read, in milliseconds. */
const AHEAD = 1000

/** Who reads nodes beside the keys. */
type NodeReader = Pick<Access<unknown>, 'readNode'>

/** What a commit does to the index. */
export interface DueWrite {
  readonly nodes: readonly Write[]
  readonly state: DueState
  readonly written: readonly (readonly [segment: Segment, hints: readonly Hint[]])[]
  readonly deleted: readonly Segment[]
  /** The hints that are done with it. */
  readonly done: readonly Hint[]
}

/** Who hears of the index. */
export interface DueEvents {
  /** Something may be due that was not. */
  changed(): void
  failed(error: KVError): void
}

/**
 * The index of what is due in a partition: hints, in segments that lie below the partition's node and are written in its
 * commits. Which there are, the node says. What is far away is not held in memory.
 */
export class DueIndex {
  /** What was due up to this time was taken: a hint of a later time is still to come. */
  until: number
  readonly #access: NodeReader
  readonly #node: string
  readonly #events: DueEvents
  readonly #segments = new Map<number, Segment>()
  readonly #held = new Heap<Hint>()
  /** Segments with hints that are not held. */
  readonly #unread = new Heap<Segment>()
  #done: Segment[] = []
  #first: number
  #next: number
  #isLoaded = false
  #isReading = false

  constructor(access: NodeReader, { node, state: { due } }: Fence<unknown>, events: DueEvents) {
    this.#access = access
    this.#node = node
    this.#events = events
    this.#first = due?.first ?? 0
    this.#next = due?.next ?? 0
    this.until = due?.until ?? Number.NEGATIVE_INFINITY
  }

  /** Looks which segments there are, some at a time; from then on something can be taken. */
  load(): void {
    const end = this.#next
    const loadFrom = (id: number): void => {
      const ids = Array.from({ length: Math.min(PAGE, end - id) }, (_, i) => id + i)
      let left = ids.length
      if (left === 0) {
        this.#loaded()
        return
      }
      for (const each of ids) {
        this.#read(each, hints => {
          if (hints.length > 0) {
            const segment = new Segment(each, hints[0]![0], hints.length)
            this.#segments.set(each, segment)
            this.#unread.push(segment)
          }
          if (--left === 0) loadFrom(id + ids.length)
        })
      }
    }
    loadFrom(this.#first)
  }

  #loaded(): void {
    // Those that were written meanwhile come after those that were found.
    const segments = [...this.#segments.values()].sort((a, b) => a.id - b.id)
    this.#segments.clear()
    for (const segment of segments) this.#segments.set(segment.id, segment)
    this.#isLoaded = true
    this.#events.changed()
  }

  /** When there is something to be taken; `Infinity` where there is nothing, or it is not known yet. */
  get at(): number {
    if (!this.#isLoaded) return Number.POSITIVE_INFINITY
    return Math.min(
      this.#held.peek()?.at ?? Number.POSITIVE_INFINITY,
      this.#unread.peek()?.at ?? Number.POSITIVE_INFINITY,
    )
  }

  /** When to look again what there is to be taken, or to be read before it is. */
  get wakeAt(): number {
    const unread = (this.#unread.peek()?.at ?? Number.POSITIVE_INFINITY) - AHEAD
    return this.#isLoaded ? Math.min(this.#held.peek()?.at ?? unread, unread) : Number.POSITIVE_INFINITY
  }

  /** Whether nothing is left that is due by then, nor may be. */
  isDoneUntil(time: number): boolean {
    return this.#isLoaded && !this.#isReading && this.at > time
  }

  /** Takes hints that are due by then, at most so many; of more it tells later. */
  take(time: number, limit: number): Hint[] {
    if (!this.#isLoaded) return []
    this.until = Math.max(this.until, time)
    const hints: Hint[] = []
    while (hints.length < limit && this.#held.size > 0 && this.#held.peek()!.at <= time)
      hints.push(this.#held.pop()!)
    if (hints.length < limit) this.#readNext(time)
    return hints
  }

  /** What a commit does to the index that needs these hints, and is done with those. */
  write(needed: readonly Hint[], done: readonly Hint[], now: number, time: EventTime | undefined): DueWrite {
    const levels = new Map<number, Hint[]>()
    for (const hint of needed) {
      const level = levelOf(hint.at, now)
      const hints = levels.get(level)
      if (hints === undefined) levels.set(level, [hint])
      else hints.push(hint)
    }
    const nodes: Write[] = []
    const written = Array.from(levels.values(), hints => {
      hints.sort((a, b) => a.at - b.at)
      const segment = new Segment(this.#next++, hints[0]!.at, hints.length)
      this.#segments.set(segment.id, segment)
      for (const hint of hints) hint.segment = segment
      nodes.push({
        type: 'put',
        key: this.#nodeOf(segment.id),
        value: encodeHints(hints),
        ifVersion: 'absent',
      })
      return [segment, hints] as const
    })
    const deleted = this.#done.splice(0, DELETED)
    for (const segment of deleted) {
      segment.isGoing = true
      nodes.push({ type: 'delete', key: this.#nodeOf(segment.id) })
    }
    return { nodes, state: this.#state(time), written, deleted, done }
  }

  /** A commit is durable. */
  durable({ written, deleted, done }: DueWrite): void {
    for (const { id } of deleted) this.#segments.delete(id)
    for (const [segment, hints] of written) {
      if (this.#held.size < HELD) {
        segment.at = Number.POSITIVE_INFINITY
        for (const hint of hints) this.#held.push(hint)
      } else this.#unread.push(segment)
    }
    for (const { segment } of done)
      if (segment !== undefined && --segment.left === 0) this.#done.push(segment)
    if (written.length > 0) this.#events.changed()
  }

  /** A commit was not carried out, nor any after it. */
  undone({ written, deleted }: DueWrite): void {
    for (const [{ id }, hints] of written) {
      this.#segments.delete(id)
      this.#next = Math.min(this.#next, id)
      for (const hint of hints) hint.segment = undefined
    }
    for (const segment of deleted) segment.isGoing = false
    this.#done = [...deleted, ...this.#done]
  }

  #state(time: EventTime | undefined): DueState {
    const until = Number.isFinite(this.until) ? this.until : undefined
    return { first: this.#firstLeft, next: this.#next, until, ...time }
  }

  get #firstLeft(): number {
    if (!this.#isLoaded) return this.#first
    for (const { id, isGoing } of this.#segments.values()) if (!isGoing) return id
    return this.#next
  }

  /** Reads the next segment that has something in it by then, one at a time. */
  #readNext(time: number): void {
    const segment = this.#unread.peek()
    if (segment === undefined || segment.at > time + AHEAD || this.#isReading) return
    this.#isReading = true
    this.#unread.pop()
    this.#read(segment.id, hints => {
      for (const [at, key] of hints) if (at >= segment.at) this.#held.push(new Hint(key, at, segment))
      segment.at = Number.POSITIVE_INFINITY
      this.#isReading = false
      if (this.#held.size > HELD) this.#letGo(time)
      this.#events.changed()
    })
  }

  /** Holds only about half of what is due later than that: the rest is read again. */
  #letGo(time: number): void {
    const later = this.#held.remove(({ at }) => at > time).sort((a, b) => a.at - b.at)
    const middle = later[later.length >> 1]?.at
    const earliest = new Map<Segment, number>()
    for (const hint of later) {
      const { at, segment } = hint
      if (at < middle!) this.#held.push(hint)
      else if (!earliest.has(segment!)) earliest.set(segment!, at)
    }
    this.#unread.remove(segment => earliest.has(segment))
    for (const [segment, at] of earliest) {
      segment.at = at
      this.#unread.push(segment)
    }
  }

  #read(id: number, then: (hints: readonly (readonly [at: number, key: string])[]) => void): void {
    const node = this.#nodeOf(id)
    this.#access.readNode(node, (stored: Stored | undefined | KVError) => {
      if (stored instanceof KVError) return this.#events.failed(stored)
      try {
        then(stored === undefined ? [] : decodeHints(node, stored))
      } catch (error) {
        this.#events.failed(error as KVError)
      }
    })
  }

  #nodeOf(id: number): string {
    return childOf(this.#node, `due-${id}`)
  }
}
