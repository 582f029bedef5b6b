import { versionConflict } from '../../conditions.ts'
import type { Write, WriteDue } from '../../engine.ts'
import { KVError } from '../../errors.ts'
import { isNodeKey } from '../../nodes.ts'
import type { Call } from './calls.ts'
import { failure } from './failures.ts'
import { Group, type GroupEnd, itemsOf } from './group.ts'
import type { Guess } from './guess.ts'
import { type Mark, type Marks, markOp } from './marks.ts'
import { type Item, type Known, nothingToDelete, type Plan, planFrame } from './plan.ts'
import { Code, Op } from './protocol.ts'
import { type Room, readData } from './reads.ts'
import { type MultiFailure, type Node, readMulti } from './replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiFrame, multiOpBytes } from './requests.ts'
import type { Send } from './send.ts'
import type { Session } from './session.ts'
import { knowledgeOf, mustBeFoundOut, pathsToRead, type Sent, settleUnanswered } from './unanswered.ts'

/** What writes need beside what reads do. */
export interface WriteRoom extends Room {
  readonly session: Session
  readonly guess: Guess
  readonly marks: Marks
}

const NOTHING_KNOWN: ReadonlyMap<string, Known> = new Map()

/**
 * Carries out some writes, each for itself or all or none, in rounds: a multi of all that are left, with a guess
 * whether unconditional puts create or set. ZooKeeper carries out a multi as a whole or not at all and names one
 * operation that failed, so after a failure that one is settled, the others are looked at (after a `sync`, so that what
 * is seen is not old), what is thereby decided is settled, and the rest goes again.
 */
export class WriteCall implements Call {
  readonly #due: WriteDue
  readonly #room: WriteRoom
  readonly #group: Group
  #known = NOTHING_KNOWN
  #lookFirst = false
  /** Whether the root was just seen not to be there, which is all that is to be known before a write that puts nothing. */
  #rootAbsent = false
  /** Whether writes go one by one, because one failed for a reason that others may share. */
  #alone = false
  #inFlight: Sent | undefined
  /** A multi whose answer was lost, to be found out about before anything else. */
  #unanswered: Sent | undefined

  constructor(
    room: WriteRoom,
    writes: readonly Write[],
    atomic: boolean,
    due: WriteDue,
    end: (end: GroupEnd) => void,
  ) {
    this.#room = room
    this.#due = due
    this.#group = new Group(
      itemsOf(writes, key => room.layout.pathOf(key)),
      atomic,
      result => {
        room.calls.finish(this)
        end(result)
      },
    )
  }

  /** When the first of those that are left is due. */
  get deadline(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { index } of this.#group.left) first = Math.min(first, this.#due.deadlineOf(index))
    return first
  }

  expire(now: number, reason: KVError): boolean {
    const late = this.#group.left.filter(({ index }) => this.#due.deadlineOf(index) <= now)
    if (late.length === this.#group.left.length) return false
    this.#markSent(new Set(late))
    this.#group.expire(late, reason, ({ index }, error) => this.#due.late(index, error))
    return true
  }

  proceed(): void {
    if (this.#unanswered !== undefined) this.#findOut(this.#unanswered)
    else if (this.#lookFirst) this.#look()
    else this.#send()
  }

  abandon(reason: KVError): void {
    this.#markSent(new Set(this.#group.left))
    // The mark of one in flight is released when its answer comes.
    if (this.#unanswered !== undefined) this.#releaseMark(this.#unanswered)
    this.#group.failAll(reason)
  }

  /** Whoever gives up what was sent and is not answered cannot know whether it is carried out. */
  #markSent(items: ReadonlySet<Item>): void {
    for (const sent of [this.#inFlight, this.#unanswered]) {
      for (const { item } of sent?.plan.steps ?? []) if (items.has(item)) item.maybeDone = true
    }
  }

  /** Sends what is left, or as much of it as can go together. */
  #send(looked = false): void {
    const { guess, acl, packetLimit, root } = this.#room
    const { left, atomic } = this.#group
    if (!root.recorded && !this.#rootFound()) return
    const known = this.#known
    let unknown = 0
    for (const { write } of left) {
      if (write.type === 'put' && write.ifVersion === undefined && !known.has(write.key)) unknown++
    }
    const guessed = unknown === 0 ? 'set' : guess.choose(this.#alone ? 1 : unknown)
    if (guessed === 'look' && !looked) {
      this.#look()
      return
    }
    this.#known = NOTHING_KNOWN
    const plan = planFrame(left, {
      known,
      guess: guessed === 'create' ? 'create' : 'set',
      atomic,
      alone: this.#alone,
      acl,
      packetLimit,
    })
    this.#group.settle(plan.settled)
    if (this.#group.left.length === 0) return
    if (plan.ops.length > 0) this.#sendPlan(plan, known)
    else this.#send()
  }

  #sendPlan(plan: Plan, known: ReadonlyMap<string, Known>): void {
    const { calls, session, marks, acl, sendAside } = this.#room
    const mark = this.#takeMark(plan)
    if (mark !== undefined) marks.prepare(sendAside)
    const ops = mark === undefined ? plan.ops : [...plan.ops, markOp(mark)]
    const bytes = mark === undefined ? plan.bytes : plan.bytes + multiOpBytes(markOp(mark), acl)
    const sent: Sent = { plan, known, mark, sentAt: session.lastZxid }
    this.#inFlight = sent
    const replied = (error: number, zxid: number, reply: Buffer) => {
      const result = error === Code.ok ? readMulti(reply, ops.length) : error
      this.#inFlight = undefined
      if (mark !== undefined && result instanceof Int32Array) {
        mark.exists = true
        marks.sweep(sendAside)
      }
      this.#releaseMark(sent)
      if (typeof result === 'number') this.#onRefused(sent, result)
      else if (result instanceof Int32Array) this.#onDone(sent, result, zxid)
      else this.#onFailed(sent, result)
    }
    calls.send(
      this,
      Op.multi,
      multiFrame(ops, bytes, acl),
      replied,
      () => this.#onLost(sent),
      () => this.#releaseMark(sent),
    )
  }

  /** A writer mark for a multi that needs one and has room for it. */
  #takeMark(plan: Plan): Mark | undefined {
    const { marks, acl, packetLimit } = this.#room
    if (!marks.enabled || !mustBeFoundOut(plan)) return undefined
    const mark = marks.take()
    const bytes = COUNTED_HEADER + MULTI_HEADER + plan.bytes + multiOpBytes(markOp(mark), acl)
    if (bytes <= packetLimit.bytes) return mark
    marks.release(mark)
    return undefined
  }

  #releaseMark({ mark }: Sent): void {
    if (mark !== undefined) this.#room.marks.release(mark)
  }

  #onDone({ plan }: Sent, versions: Int32Array, zxid: number): void {
    let puts = 0
    let existing = 0
    for (const { item, existed } of plan.steps) {
      if (item.write.type !== 'put' || item.write.ifVersion !== undefined) continue
      puts++
      if (existed) existing++
    }
    this.#room.guess.learn(existing, puts)
    this.#group.done(plan.steps, ({ item, existed, op }) =>
      item.write.type === 'put'
        ? { existed, version: versions[op]!, revision: zxid }
        : { existed, version: -1, revision: -1 },
    )
    this.#next()
  }

  /** The whole multi was refused. */
  #onRefused({ plan, known }: Sent, error: number): void {
    this.#known = known
    if (error === Code.throttled) {
      this.#room.calls.pause(this)
      return
    }
    for (const { item } of plan.steps) this.#fail(item, failure(error, 'write', item.write.key))
    this.#next()
  }

  /** One operation failed, and nothing was carried out. */
  #onFailed({ plan, mark, known }: Sent, { failed, error }: MultiFailure): void {
    const item = plan.owners[failed]
    const absent = error === Code.noNode
    if (item === undefined) this.#onMarkFailed(mark!, error, known)
    else if (absent && plan.ops[failed]!.type === Op.create) this.#makeParent(item, known)
    else if (!this.#room.root.verified) {
      // Perhaps it was looked for in the wrong place.
      this.#known = known
      this.#next()
    } else if (absent || error === Code.nodeExists || error === Code.badVersion) {
      const { key } = item.write
      // What the leader has just said of this key, unless it rests on earlier writes of this multi, which was undone.
      const decided = this.#group.atomic || plan.owners.find(owner => owner.write.key === key) === item
      this.#known = decided ? new Map([[key, { exists: !absent }]]) : NOTHING_KNOWN
      item.failures++
      if (decided) this.#decide(item, absent)
      this.#lookFirst = this.#group.left.length > 1 && !this.#alone
      this.#next()
    } else {
      this.#alone = true
      this.#fail(item, failure(error, item.write.type, item.write.key))
      this.#next()
    }
  }

  /** The leader said that the key is absent, or exists, where that was not expected. */
  #decide(item: Item, absent: boolean): void {
    const { key, ifVersion, type } = item.write
    if (ifVersion !== undefined) {
      this.#fail(item, versionConflict(key, ifVersion, absent ? 'absent' : undefined))
    } else if (type === 'delete' && absent && !this.#group.atomic) {
      this.#group.settle([{ item, result: nothingToDelete(item) }])
    }
  }

  /** The mark is not what we thought, or not allowed: without it next time. */
  #onMarkFailed(mark: Mark, error: number, known: ReadonlyMap<string, Known>): void {
    this.#known = known
    if (error === Code.noNode && !mark.exists) {
      this.#makeMarkFolder(known)
      return
    }
    if (error === Code.nodeExists) mark.exists = true
    else if (error === Code.noNode) mark.exists = false
    else this.#room.marks.enabled = false
    this.#next()
  }

  #makeMarkFolder(known: ReadonlyMap<string, Known>): void {
    const { calls, marks } = this.#room
    marks.makeFolder(this.#sendOwn, error => {
      if (error === Code.noNode) this.#makeRoot(known)
      else if (error === Code.throttled) calls.pause(this)
      else {
        if (error !== Code.ok && error !== Code.nodeExists) marks.enabled = false
        calls.resume(this)
      }
    })
  }

  /** Sends for this call, which goes on when the connection is lost. */
  readonly #sendOwn: Send = (type, frame, replied) =>
    this.#room.calls.send(this, type, frame, replied, () => this.#room.calls.resume(this))

  /** Makes what a node that could not be created is to be below. */
  #makeParent({ path, write: { key } }: Item, known: ReadonlyMap<string, Known>): void {
    const { root, calls } = this.#room
    if (!isNodeKey(key)) {
      this.#makeRoot(known)
      return
    }
    // Where even the root is missing, it is made first, because it says how the keys are laid out.
    this.#makeRoot(known, () =>
      root.makeFolder(path.slice(0, path.lastIndexOf('/')), this.#sendOwn, end => {
        if (end === 'throttled') calls.pause(this)
        else if (end instanceof KVError) this.#group.failAll(end)
        else calls.resume(this)
      }),
    )
  }

  /**
   * Whether all that has to be known of the root is known; otherwise finds it out, or makes the root, where something is to
   * be put below it.
   */
  #rootFound(): boolean {
    const { calls, root, sendAside } = this.#room
    const absent = this.#rootAbsent
    this.#rootAbsent = false
    if (this.#group.left.some(({ write }) => write.type === 'put')) {
      this.#makeRoot(this.#known)
      return false
    }
    if (root.verified || absent) return true
    root.look(sendAside, end => {
      if (!calls.isActive(this)) return
      if (end === 'throttled') calls.pause(this)
      else if (end instanceof KVError) this.#group.failAll(end)
      else {
        if (end === 'done' && !root.verified) {
          this.#rootAbsent = true
          this.#known = new Map(this.#group.left.map(({ write }) => [write.key, { exists: false }]))
        }
        calls.resume(this)
      }
    })
    return false
  }

  /** Makes the root; then goes on. */
  #makeRoot(known: ReadonlyMap<string, Known>, then = () => this.#room.calls.resume(this)): void {
    this.#known = known
    const { calls, root, guess, sendAside } = this.#room
    root.make(sendAside, end => {
      if (end === 'made') guess.nothingExists()
      if (!calls.isActive(this)) return
      if (end === 'throttled') calls.pause(this)
      else if (end instanceof KVError) this.#group.failAll(end)
      else if (end === 'lost') calls.resume(this)
      else then()
    })
  }

  /** The connection went before the answer came. */
  #onLost(sent: Sent): void {
    this.#inFlight = undefined
    this.#known = NOTHING_KNOWN
    if (mustBeFoundOut(sent.plan)) this.#unanswered = sent
    else for (const { item } of sent.plan.steps) item.maybeDone = true
    this.#room.calls.resume(this)
  }

  /** Reads what the writes that are left will find. */
  #look(): void {
    const paths = [...new Set(this.#group.left.map(({ path }) => path))]
    this.#read(paths, nodes => {
      this.#lookFirst = false
      const known = knowledgeOf(this.#group, nodes)
      this.#known = known
      let puts = 0
      let existing = 0
      for (const { write } of this.#group.left) {
        if (write.type !== 'put' || write.ifVersion !== undefined) continue
        puts++
        if (known.get(write.key)?.exists) existing++
      }
      this.#room.guess.learn(existing, puts)
      this.#send(true)
    })
  }

  /** Finds out what became of a multi whose answer was lost. */
  #findOut(sent: Sent): void {
    this.#read(pathsToRead(sent), nodes => {
      this.#unanswered = undefined
      if (sent.mark !== undefined) sent.mark.exists = typeof nodes.get(sent.mark.path) === 'object'
      this.#releaseMark(sent)
      settleUnanswered(this.#group, sent, nodes)
      this.#known = knowledgeOf(this.#group, nodes)
      this.#next()
    })
  }

  /** Reads nodes after a `sync`. */
  #read(paths: readonly string[], done: (nodes: ReadonlyMap<string, Node | number>) => void): void {
    const failed = (error: number) => {
      for (const { item } of this.#unanswered?.plan.steps ?? []) item.maybeDone = true
      this.#group.failAll(failure(error, 'read before writing'))
    }
    readData(this.#room, {
      call: this,
      paths,
      sync: true,
      most: () => this.#room.replySize.count(paths.length),
      done: nodes => done(new Map(paths.map((path, i) => [path, nodes[i]!]))),
      failed,
    })
  }

  #fail(item: Item, error: KVError): void {
    // Where all or none, the first has settled the others already.
    if (this.#group.left.includes(item)) this.#group.fail(item, error)
  }

  #next(): void {
    if (this.#group.left.length > 0) this.#room.calls.resume(this)
  }
}
