import type { KVError } from '../../../base/errors.ts'
import { versionConflict } from '../../../contract/conditions.ts'
import type { Write, WriteDue } from '../../../contract/engine.ts'
import { isOfSeal, takenOver } from '../../../contract/seal.ts'
import { failure } from '../wire/failures.ts'
import { Code, Op } from '../wire/protocol.ts'
import type { MultiFailure, Node } from '../wire/replies.ts'
import type { WriteContext } from './context.ts'
import { notAnswered, PendingWrites, pendingWrites, type WritesEnd } from './pending-writes.ts'
import {
  type KnowledgeOfKeys,
  type MultiPlan,
  nothingToDelete,
  type PendingWrite,
  planMulti,
} from './plan.ts'
import { Prerequisites } from './prerequisites.ts'
import type { Protection } from './protections.ts'
import { readData } from './reads.ts'
import {
  type MultiEvents,
  mustBeFoundOut,
  releaseProtection,
  type SentMulti,
  sendPlan,
} from './sent-multi.ts'
import type { Task } from './tasks.ts'
import { knowledgeOf, pathsToRead, settleUnanswered } from './unanswered.ts'

/** The state of a write task. */
type State =
  /** It sends the remaining writes, or as many as can be combined, planned with the latest knowledge. */
  | {
      readonly type: 'sending'
      readonly known: KnowledgeOfKeys
      /** Whether the nodes have just been read. */
      readonly looked?: boolean
      /** Whether the root was just found absent, which suffices for writes that put nothing. */
      readonly rootIsAbsent?: boolean
    }
  /** It first reads the nodes of the remaining writes. */
  | { readonly type: 'looking' }
  /** A multi is in flight. */
  | { readonly type: 'waiting'; readonly sent: SentMulti }
  /** The answer to a multi was lost: it finds out the outcome. */
  | { readonly type: 'finding out'; readonly sent: SentMulti }

const sending = (known: KnowledgeOfKeys): State => ({ type: 'sending', known })
const LOOKING: State = { type: 'looking' }
const NOTHING_KNOWN: KnowledgeOfKeys = new Map()

/**
 * Carries out some writes, independent or atomic, in rounds: each is a multi of all remaining writes, with an estimate
 * whether unconditional puts create or set. ZooKeeper carries out a multi as a whole or not at all, and names one
 * failed operation. So after a failure that write is settled, the nodes of the others are read (after a `sync`, so that
 * they are current), writes that these decide are settled, and the rest is sent again.
 *
 *     sending ──► waiting ──answered──► (settled, or sending or looking with the rest)
 *        ▲           └────lost──► finding out ──► sending
 *        └── looking
 */
export class WriteTask implements Task {
  readonly #due: WriteDue
  readonly #context: WriteContext
  readonly #writes: PendingWrites
  readonly #prerequisites: Prerequisites
  #state: State = sending(NOTHING_KNOWN)
  /** Whether writes are sent one by one, because one failed for a reason that others may share. */
  #alone = false

  readonly #events: MultiEvents = {
    done: (sent, versions, zxid) => this.#onDone(sent, versions, zxid),
    failed: (sent, failure) => this.#onFailed(sent, failure),
    rootChanged: (sent, error) => this.#onRootChanged(sent, error),
    refused: (sent, error) => this.#onRefused(sent, error),
    lost: sent => this.#onLost(sent),
  }

  constructor(
    context: WriteContext,
    writes: readonly Write[],
    atomic: boolean,
    due: WriteDue,
    end: (end: WritesEnd) => void,
  ) {
    this.#context = context
    this.#due = due
    this.#writes = new PendingWrites(
      pendingWrites(writes, key => context.layout.pathOf(key)),
      atomic,
      (index, outcome) => due.settled(index, outcome),
      result => {
        context.tasks.finish(this)
        end(result)
      },
    )
    this.#prerequisites = new Prerequisites(context, this, error => this.#writes.failAll(error))
  }

  /** The earliest deadline of the remaining writes. */
  get deadline(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { index } of this.#writes.left) first = Math.min(first, this.#due.deadlineOf(index))
    return first
  }

  expire(now: number, reason: KVError): boolean {
    const late = this.#writes.left.filter(({ index }) => this.#due.deadlineOf(index) <= now)
    if (late.length === this.#writes.left.length) return false
    this.#markSent(new Set(late))
    this.#writes.expire(late, reason)
    return true
  }

  abandon(reason: KVError): void {
    this.#markSent(new Set(this.#writes.left))
    // The protection of a multi in flight is released when its answer comes.
    if (this.#state.type === 'finding out') releaseProtection(this.#context, this.#state.sent)
    this.#writes.failAll(reason)
  }

  proceed(): void {
    const state = this.#state
    switch (state.type) {
      case 'sending':
        this.#send(state)
        break
      case 'looking':
        this.#look()
        break
      case 'finding out':
        this.#findOut(state.sent)
        break
      case 'waiting':
        break
    }
  }

  /** Goes on with the remaining writes, if any. */
  #goOn(state: State): void {
    this.#state = state
    if (this.#writes.left.length > 0) this.#context.tasks.resume(this)
  }

  /** If a sent, unanswered write is given up, it may have been carried out. */
  #markSent(items: ReadonlySet<PendingWrite>): void {
    if (!('sent' in this.#state)) return
    notAnswered(this.#state.sent.plan.steps.map(({ item }) => item).filter(item => items.has(item)))
  }

  #send(state: State & { type: 'sending' }): void {
    const { estimate, acl, packetLimit, root } = this.#context
    if (!root.recorded && !this.#findRoot(state)) return
    const { known } = state
    const { left, atomic } = this.#writes
    if (!root.mayFill && !left.every(({ write }) => isOfSeal(write))) {
      this.#writes.failAll(takenOver())
      return
    }
    let unknown = 0
    for (const { write } of left) {
      if (write.type === 'put' && write.ifVersion === undefined && !known.has(write.key)) unknown++
    }
    const choice = unknown === 0 ? 'set' : estimate.choose(this.#alone ? 1 : unknown)
    if (choice === 'look' && !state.looked) {
      this.#goOn(LOOKING)
      return
    }
    const plan = planMulti(left, {
      known,
      estimate: choice === 'create' ? 'create' : 'set',
      atomic,
      alone: this.#alone,
      acl,
      packetLimit,
      besideBytes: root.checkBytes,
    })
    this.#writes.settle(plan.settled)
    if (plan.ops.length > 0 && this.#writes.left.length > 0) {
      this.#state = { type: 'waiting', sent: sendPlan(this.#context, this, plan, known, this.#events) }
    } else this.#goOn(sending(NOTHING_KNOWN))
  }

  /**
   * Whether enough is known about the root; otherwise finds it out, or creates the root if something will be put below
   * it.
   */
  #findRoot({ rootIsAbsent }: State & { type: 'sending' }): boolean {
    const { root } = this.#context
    const { left } = this.#writes
    if (left.some(({ write }) => write.type === 'put')) {
      this.#prerequisites.makeRoot()
      return false
    }
    if (root.verified || rootIsAbsent || left.length === 0) return true
    this.#prerequisites.lookAtRoot(() => {
      const known = new Map(left.map(({ write }) => [write.key, { exists: false }]))
      this.#goOn(root.verified ? this.#state : { type: 'sending', known, rootIsAbsent: true })
    })
    return false
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
    this.#writes.done(plan.steps, ({ item, existed, op }) =>
      item.write.type === 'put'
        ? { existed, version: versions[op]!, revision: zxid }
        : { existed, version: -1, revision: -1 },
    )
    this.#goOn(sending(NOTHING_KNOWN))
  }

  /** The whole multi was refused. */
  #onRefused({ plan, known }: SentMulti, error: number): void {
    if (error === Code.throttled) {
      this.#state = sending(known)
      this.#context.tasks.pause(this)
      return
    }
    for (const { item } of plan.steps) this.#fail(item, failure(error, 'write', item.write.key))
    this.#goOn(sending(known))
  }

  /** The root was deleted, or its data set, also to a seal: it is looked at again. */
  #onRootChanged({ plan, rootCheck }: SentMulti, error: number): void {
    if (error === Code.badVersion || error === Code.noNode) this.#context.root.doubt(rootCheck!)
    else for (const { item } of plan.steps) this.#fail(item, failure(error, 'look at the root'))
    this.#goOn(sending(NOTHING_KNOWN))
  }

  /** One operation failed, and nothing was carried out. */
  #onFailed({ plan, protection, known }: SentMulti, { failed, error }: MultiFailure): void {
    this.#state = sending(known)
    const item = plan.owners[failed]
    const isAbsent = error === Code.noNode
    if (item === undefined) this.#onProtectionFailed(protection!, error)
    else if (isAbsent && plan.ops[failed]!.type === Op.create) this.#prerequisites.makeParent(item)
    // Perhaps we looked in the wrong place.
    else if (!this.#context.root.verified) this.#goOn(this.#state)
    else if (isAbsent || error === Code.nodeExists || error === Code.badVersion) {
      this.#onUnexpected(plan, item, isAbsent)
    } else {
      this.#alone = true
      this.#fail(item, failure(error, item.write.type, item.write.key))
      this.#goOn(this.#state)
    }
  }

  /**
   * The leader found the key of a write unexpectedly absent, existing, or at another version.
   */
  #onUnexpected(plan: MultiPlan, item: PendingWrite, isAbsent: boolean): void {
    const { key } = item.write
    item.failures++
    // That is true, unless it depends on earlier writes of this multi, which was undone.
    const isSo = this.#writes.atomic || plan.owners.find(owner => owner.write.key === key) === item
    if (isSo) this.#decide(item, isAbsent)
    const known = isSo ? new Map([[key, { exists: !isAbsent }]]) : NOTHING_KNOWN
    this.#goOn(this.#writes.left.length > 1 && !this.#alone ? LOOKING : sending(known))
  }

  /** Settles a write if the absence, or existence, of its key decides it. */
  #decide(item: PendingWrite, isAbsent: boolean): void {
    const { key, ifVersion, type } = item.write
    if (ifVersion !== undefined) {
      this.#fail(item, versionConflict(key, ifVersion, isAbsent ? 'absent' : undefined))
    } else if (type === 'delete' && isAbsent && !this.#writes.atomic) {
      this.#writes.settle([{ item, result: nothingToDelete(item) }])
    }
  }

  /** The protection node is not as expected, or not permitted: goes on without it. */
  #onProtectionFailed(protection: Protection, error: number): void {
    if (error === Code.noNode && !protection.exists) {
      this.#prerequisites.makeProtectionFolder()
      return
    }
    if (error === Code.nodeExists) protection.exists = true
    else if (error === Code.noNode) protection.exists = false
    else this.#context.protections.enabled = false
    this.#goOn(this.#state)
  }

  /** The connection went before the answer came. */
  #onLost(sent: SentMulti): void {
    if (mustBeFoundOut(sent.plan)) {
      this.#goOn({ type: 'finding out', sent })
      return
    }
    notAnswered(sent.plan.steps.map(({ item }) => item))
    this.#goOn(sending(NOTHING_KNOWN))
  }

  #look(): void {
    const paths = [...new Set(this.#writes.left.map(({ path }) => path))]
    this.#read(paths, nodes => {
      const known = knowledgeOf(this.#writes, nodes)
      let puts = 0
      let existing = 0
      for (const { write } of this.#writes.left) {
        if (write.type !== 'put' || write.ifVersion !== undefined) continue
        puts++
        if (known.get(write.key)?.exists) existing++
      }
      this.#context.estimate.learn(existing, puts)
      this.#goOn({ type: 'sending', known, looked: true })
    })
  }

  #findOut(sent: SentMulti): void {
    const { protection } = sent
    this.#read(pathsToRead(sent), nodes => {
      if (protection !== undefined) protection.exists = typeof nodes.get(protection.path) === 'object'
      releaseProtection(this.#context, sent)
      settleUnanswered(this.#writes, sent, nodes)
      this.#goOn(sending(knowledgeOf(this.#writes, nodes)))
    })
  }

  /** Reads nodes after a `sync`. */
  #read(paths: readonly string[], done: (nodes: ReadonlyMap<string, Node | number>) => void): void {
    readData(this.#context, {
      task: this,
      paths,
      sync: true,
      most: () => this.#context.replySize.count(paths.length),
      done: nodes => done(new Map(paths.map((path, i) => [path, nodes[i]!]))),
      failed: error => this.abandon(failure(error, 'read before writing')),
    })
  }

  #fail(item: PendingWrite, error: KVError): void {
    // If atomic, the first has settled the others already.
    if (this.#writes.left.includes(item)) this.#writes.fail(item, error)
  }
}
