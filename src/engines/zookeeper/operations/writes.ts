import { versionConflict } from '../../../conditions.ts'
import type { Write, WriteDue } from '../../../engine.ts'
import { KVError } from '../../../errors.ts'
import { isNodeKey } from '../../../nodes.ts'
import { failure } from '../wire/failures.ts'
import { Code, Op } from '../wire/protocol.ts'
import { type MultiFailure, type Node, readMulti } from '../wire/replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiFrame, multiOpBytes, syncFrame } from '../wire/requests.ts'
import type { WriteContext } from './context.ts'
import { itemsOf, notAnswered, PendingWrites, type WritesEnd } from './pending-writes.ts'
import { type Knowledge, type MultiPlan, nothingToDelete, type PendingWrite, planMulti } from './plan.ts'
import { type Protection, protectionOp } from './protections.ts'
import { readData } from './reads.ts'
import type { Send } from './send.ts'
import type { Task } from './tasks.ts'
import { knowledgeOf, mustBeFoundOut, pathsToRead, type SentMulti, settleUnanswered } from './unanswered.ts'

const NOTHING_KNOWN: ReadonlyMap<string, Knowledge> = new Map()

/**
 * Carries out some writes, each for itself or all or none, in rounds: a multi of all that are left, with an estimate
 * whether unconditional puts create or set. ZooKeeper carries out a multi as a whole or not at all and names one
 * operation that failed, so after a failure that one is settled, the others are looked at (after a `sync`, so that what
 * is seen is not old), what is thereby decided is settled, and the rest goes again.
 */
export class WriteTask implements Task {
  readonly #due: WriteDue
  readonly #context: WriteContext
  readonly #group: PendingWrites
  #known = NOTHING_KNOWN
  #lookFirst = false
  /** Whether the root was just seen not to be there, which is all that is to be known before a write that puts nothing. */
  #rootAbsent = false
  /** Whether writes go one by one, because one failed for a reason that others may share. */
  #alone = false
  #inFlight: SentMulti | undefined
  /** A multi whose answer was lost, to be found out about before anything else. */
  #unanswered: SentMulti | undefined

  constructor(
    context: WriteContext,
    writes: readonly Write[],
    atomic: boolean,
    due: WriteDue,
    end: (end: WritesEnd) => void,
  ) {
    this.#context = context
    this.#due = due
    this.#group = new PendingWrites(
      itemsOf(writes, key => context.layout.pathOf(key)),
      atomic,
      result => {
        context.tasks.finish(this)
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
    // What protects one in flight is released when its answer comes.
    if (this.#unanswered !== undefined) this.#releaseProtection(this.#unanswered)
    this.#group.failAll(reason)
  }

  /** Whoever gives up what was sent and is not answered cannot know whether it is carried out. */
  #markSent(items: ReadonlySet<PendingWrite>): void {
    for (const sent of [this.#inFlight, this.#unanswered]) {
      notAnswered((sent?.plan.steps ?? []).map(({ item }) => item).filter(item => items.has(item)))
    }
  }

  /** Sends what is left, or as much of it as can go together. */
  #send(looked = false): void {
    const { estimate, acl, packetLimit, root } = this.#context
    const { left, atomic } = this.#group
    if (!root.recorded && !this.#rootFound()) return
    const known = this.#known
    let unknown = 0
    for (const { write } of left) {
      if (write.type === 'put' && write.ifVersion === undefined && !known.has(write.key)) unknown++
    }
    const guessed = unknown === 0 ? 'set' : estimate.choose(this.#alone ? 1 : unknown)
    if (guessed === 'look' && !looked) {
      this.#look()
      return
    }
    this.#known = NOTHING_KNOWN
    const plan = planMulti(left, {
      known,
      estimate: guessed === 'create' ? 'create' : 'set',
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

  #sendPlan(plan: MultiPlan, known: ReadonlyMap<string, Knowledge>): void {
    const { tasks, session, protections, acl, sendAside } = this.#context
    const protection = this.#takeProtection(plan)
    if (protection !== undefined) protections.prepare(sendAside)
    const ops = protection === undefined ? plan.ops : [...plan.ops, protectionOp(protection)]
    const bytes =
      protection === undefined ? plan.bytes : plan.bytes + multiOpBytes(protectionOp(protection), acl)
    const sent: SentMulti = { plan, known, protection, sentAt: session.lastZxid }
    this.#inFlight = sent
    const replied = (error: number, zxid: number, reply: Buffer) => {
      const result = error === Code.ok ? readMulti(reply, ops.length) : error
      this.#inFlight = undefined
      if (protection !== undefined && result instanceof Int32Array) {
        protection.exists = true
        protections.sweep(sendAside)
      }
      this.#releaseProtection(sent)
      if (typeof result === 'number') this.#onRefused(sent, result)
      else if (result instanceof Int32Array) this.#onDone(sent, result, zxid)
      else this.#onFailed(sent, result)
    }
    tasks.send(
      this,
      Op.multi,
      multiFrame(ops, bytes, acl),
      replied,
      () => this.#onLost(sent),
      () => this.#releaseProtection(sent),
    )
  }

  /** Protection for a multi that needs it and has room for it. */
  #takeProtection(plan: MultiPlan): Protection | undefined {
    const { protections, acl, packetLimit } = this.#context
    if (!protections.enabled || !mustBeFoundOut(plan)) return undefined
    const protection = protections.take()
    const bytes = COUNTED_HEADER + MULTI_HEADER + plan.bytes + multiOpBytes(protectionOp(protection), acl)
    if (bytes <= packetLimit.bytes) return protection
    protections.release(protection)
    return undefined
  }

  #releaseProtection({ protection }: SentMulti): void {
    if (protection !== undefined) this.#context.protections.release(protection)
  }

  #onDone({ plan }: SentMulti, versions: Int32Array, zxid: number): void {
    let puts = 0
    let existing = 0
    for (const { item, existed } of plan.steps) {
      if (item.write.type !== 'put' || item.write.ifVersion !== undefined) continue
      puts++
      if (existed) existing++
    }
    this.#context.estimate.learn(existing, puts)
    this.#group.done(plan.steps, ({ item, existed, op }) =>
      item.write.type === 'put'
        ? { existed, version: versions[op]!, revision: zxid }
        : { existed, version: -1, revision: -1 },
    )
    this.#next()
  }

  /** The whole multi was refused. */
  #onRefused({ plan, known }: SentMulti, error: number): void {
    this.#known = known
    if (error === Code.throttled) {
      this.#context.tasks.pause(this)
      return
    }
    for (const { item } of plan.steps) this.#fail(item, failure(error, 'write', item.write.key))
    this.#next()
  }

  /** One operation failed, and nothing was carried out. */
  #onFailed({ plan, protection, known }: SentMulti, { failed, error }: MultiFailure): void {
    const item = plan.owners[failed]
    const absent = error === Code.noNode
    if (item === undefined) this.#onProtectionFailed(protection!, error, known)
    else if (absent && plan.ops[failed]!.type === Op.create) this.#makeParent(item, known)
    else if (!this.#context.root.verified) {
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
  #decide(item: PendingWrite, absent: boolean): void {
    const { key, ifVersion, type } = item.write
    if (ifVersion !== undefined) {
      this.#fail(item, versionConflict(key, ifVersion, absent ? 'absent' : undefined))
    } else if (type === 'delete' && absent && !this.#group.atomic) {
      this.#group.settle([{ item, result: nothingToDelete(item) }])
    }
  }

  /** The protection node is not what we thought, or not allowed: without it next time. */
  #onProtectionFailed(protection: Protection, error: number, known: ReadonlyMap<string, Knowledge>): void {
    this.#known = known
    if (error === Code.noNode && !protection.exists) {
      this.#makeProtectionFolder(known)
      return
    }
    if (error === Code.nodeExists) protection.exists = true
    else if (error === Code.noNode) protection.exists = false
    else this.#context.protections.enabled = false
    this.#next()
  }

  #makeProtectionFolder(known: ReadonlyMap<string, Knowledge>): void {
    const { tasks, protections } = this.#context
    protections.makeFolder(this.#sendOwn, error => {
      if (error === Code.noNode) this.#makeRoot(known)
      else if (error === Code.throttled) tasks.pause(this)
      else {
        if (error !== Code.ok && error !== Code.nodeExists) protections.enabled = false
        tasks.resume(this)
      }
    })
  }

  /** Sends for this task, which goes on when the connection is lost. */
  readonly #sendOwn: Send = (type, frame, replied) =>
    this.#context.tasks.send(this, type, frame, replied, () => this.#context.tasks.resume(this))

  /** Makes what a node that could not be created is to be below. */
  #makeParent({ path, write: { key } }: PendingWrite, known: ReadonlyMap<string, Knowledge>): void {
    const { root, tasks } = this.#context
    if (!isNodeKey(key)) {
      this.#makeRoot(known)
      return
    }
    // Where even the root is missing, it is made first, because it says how the keys are laid out.
    this.#makeRoot(known, () =>
      root.makeFolder(path.slice(0, path.lastIndexOf('/')), this.#sendOwn, end => {
        if (end === 'throttled') tasks.pause(this)
        else if (end instanceof KVError) this.#group.failAll(end)
        else tasks.resume(this)
      }),
    )
  }

  /**
   * Whether all that has to be known of the root is known; otherwise finds it out, or makes the root, where something is to
   * be put below it.
   */
  #rootFound(): boolean {
    const { tasks, root, layout } = this.#context
    const absent = this.#rootAbsent
    this.#rootAbsent = false
    if (this.#group.left.some(({ write }) => write.type === 'put')) {
      this.#makeRoot(this.#known)
      return false
    }
    if (root.verified || absent) return true
    // A server that lags may not have it yet.
    this.#sendOwn(Op.sync, syncFrame(layout.root), error => {
      if (error === Code.throttled) tasks.pause(this)
      else if (error !== Code.ok) this.#group.failAll(failure(error, 'look at the root'))
      else this.#lookAtRoot()
    })
    return false
  }

  /** Looks at the root, after a `sync`: a look of others that is not answered by now was sent after it, too. */
  #lookAtRoot(): void {
    const { tasks, root, sendAside } = this.#context
    root.look(sendAside, end => {
      if (!tasks.isActive(this)) return
      if (end === 'throttled') tasks.pause(this)
      else if (end instanceof KVError) this.#group.failAll(end)
      else {
        if (end === 'done' && !root.verified) {
          this.#rootAbsent = true
          this.#known = new Map(this.#group.left.map(({ write }) => [write.key, { exists: false }]))
        }
        tasks.resume(this)
      }
    })
  }

  /** Makes the root; then goes on. */
  #makeRoot(known: ReadonlyMap<string, Knowledge>, then = () => this.#context.tasks.resume(this)): void {
    this.#known = known
    const { tasks, root, estimate, sendAside } = this.#context
    root.make(sendAside, end => {
      if (end === 'made') estimate.nothingExists()
      if (!tasks.isActive(this)) return
      if (end === 'throttled') tasks.pause(this)
      else if (end instanceof KVError) this.#group.failAll(end)
      else if (end === 'lost') tasks.resume(this)
      else then()
    })
  }

  /** The connection went before the answer came. */
  #onLost(sent: SentMulti): void {
    this.#inFlight = undefined
    this.#known = NOTHING_KNOWN
    if (mustBeFoundOut(sent.plan)) this.#unanswered = sent
    else notAnswered(sent.plan.steps.map(({ item }) => item))
    this.#context.tasks.resume(this)
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
      this.#context.estimate.learn(existing, puts)
      this.#send(true)
    })
  }

  /** Finds out what became of a multi whose answer was lost. */
  #findOut(sent: SentMulti): void {
    this.#read(pathsToRead(sent), nodes => {
      this.#unanswered = undefined
      if (sent.protection !== undefined)
        sent.protection.exists = typeof nodes.get(sent.protection.path) === 'object'
      this.#releaseProtection(sent)
      settleUnanswered(this.#group, sent, nodes)
      this.#known = knowledgeOf(this.#group, nodes)
      this.#next()
    })
  }

  /** Reads nodes after a `sync`. */
  #read(paths: readonly string[], done: (nodes: ReadonlyMap<string, Node | number>) => void): void {
    const failed = (error: number) => {
      notAnswered((this.#unanswered?.plan.steps ?? []).map(({ item }) => item))
      this.#group.failAll(failure(error, 'read before writing'))
    }
    readData(this.#context, {
      task: this,
      paths,
      sync: true,
      most: () => this.#context.replySize.count(paths.length),
      done: nodes => done(new Map(paths.map((path, i) => [path, nodes[i]!]))),
      failed,
    })
  }

  #fail(item: PendingWrite, error: KVError): void {
    // Where all or none, the first has settled the others already.
    if (this.#group.left.includes(item)) this.#group.fail(item, error)
  }

  #next(): void {
    if (this.#group.left.length > 0) this.#context.tasks.resume(this)
  }
}
