import type { Subscriber } from 'rxjs'
import { versionConflict } from '../../conditions.ts'
import type { Write, Written } from '../../engine.ts'
import { KVError } from '../../errors.ts'
import type { Call } from './calls.ts'
import { failure } from './failures.ts'
import type { Guess } from './guess.ts'
import { type Mark, type Marks, markOp } from './marks.ts'
import { outcomeOf } from './outcome.ts'
import { type Item, type Known, nothingToDelete, type Plan, planFrame, type Step } from './plan.ts'
import { Code, Op } from './protocol.ts'
import { type Room, readPaths } from './reads.ts'
import { type MultiFailure, type Node, readMulti } from './replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiFrame, multiOpBytes } from './requests.ts'
import { makeRoot } from './root.ts'
import type { Session } from './session.ts'

/** What writes need beside what reads do. */
export interface WriteRoom extends Room {
  readonly session: Session
  readonly guess: Guess
  readonly marks: Marks
}

/** A multi on its way. */
interface Sent {
  readonly plan: Plan
  readonly known: ReadonlyMap<string, Known>
  readonly mark: Mark | undefined
  readonly epoch: number
  /** The newest zxid known when it was sent. */
  readonly sentAt: number
}

const NOTHING_KNOWN: ReadonlyMap<string, Known> = new Map()

/**
 * Carries out some writes, each for itself or all or none, in rounds: a multi of all that are left, with a guess
 * whether unconditional puts create or set. ZooKeeper carries out a multi as a whole or not at all and names one
 * operation that failed, so after a failure that one is settled, the others are looked at (after a `sync`, so that what
 * is seen is not old), what is thereby decided is settled, and the rest goes again.
 */
export class WriteCall implements Call {
  readonly deadline: number
  readonly #room: WriteRoom
  readonly #atomic: boolean
  readonly #subscriber: Subscriber<readonly (Written | KVError)[]>
  readonly #results: (Written | KVError)[]
  /** What is not settled, in order. */
  #items: Item[]
  #known = NOTHING_KNOWN
  #lookFirst = false
  /** Whether writes go one by one, because one failed for a reason that others may share. */
  #alone = false
  #inFlight: Sent | undefined
  /** A multi whose answer was lost, to be found out about before anything else. */
  #unanswered: Sent | undefined

  constructor(
    room: WriteRoom,
    writes: readonly Write[],
    atomic: boolean,
    deadline: number,
    subscriber: Subscriber<readonly (Written | KVError)[]>,
  ) {
    this.#room = room
    this.#atomic = atomic
    this.deadline = deadline
    this.#subscriber = subscriber
    this.#results = new Array(writes.length)
    this.#items = writes.map((write, index) => ({
      index,
      write,
      path: room.layout.pathOf(write.key),
      failures: 0,
      maybeDone: false,
    }))
  }

  proceed(): void {
    if (this.#unanswered !== undefined) this.#findOut(this.#unanswered)
    else if (this.#lookFirst) this.#look()
    else this.#send()
  }

  abandon(reason: KVError): void {
    const uncertain = new Set<Item>()
    for (const sent of [this.#inFlight, this.#unanswered]) {
      for (const { item } of sent?.plan.steps ?? []) uncertain.add(item)
    }
    // That of one in flight is released when its answer comes.
    const mark = this.#unanswered?.mark
    if (mark !== undefined) this.#room.marks.release(mark, this.#unanswered!.epoch)
    for (const item of this.#items) {
      if (uncertain.has(item)) item.maybeDone = true
      this.#results[item.index] = this.#errorOf(item, reason)
    }
    const worst = this.#items.find(item => item.maybeDone) ?? this.#items[0]
    this.#items = []
    this.#emit(this.#atomic && worst !== undefined ? (this.#results[worst.index] as KVError) : undefined)
  }

  #send(looked = false): void {
    const room = this.#room
    const items = this.#items
    let unknown = 0
    for (const { write } of items) {
      if (write.type === 'put' && write.ifVersion === undefined && !this.#known.has(write.key)) unknown++
    }
    const guess = unknown === 0 ? 'set' : room.guess.choose(this.#alone ? 1 : unknown)
    if (guess === 'look' && !looked) {
      this.#look()
      return
    }
    const known = this.#known
    this.#known = NOTHING_KNOWN
    const plan = planFrame(items, {
      known,
      guess: guess === 'create' ? 'create' : 'set',
      atomic: this.#atomic,
      alone: this.#alone,
      acl: room.acl,
      maxBytes: room.maxPacketBytes - COUNTED_HEADER - MULTI_HEADER,
    })
    if (plan.settled.length > 0) {
      for (const { item, result } of plan.settled) this.#results[item.index] = result
      if (this.#endsWith(plan.settled[0]!.result)) return
      const settled = new Set(plan.settled.map(({ item }) => item))
      this.#items = items.filter(item => !settled.has(item))
    }
    if (plan.ops.length > 0) this.#sendPlan(plan, known)
    else if (this.#items.length === 0) this.#finish()
    else this.#send()
  }

  #sendPlan(plan: Plan, known: ReadonlyMap<string, Known>): void {
    const { calls, session, acl, maxPacketBytes, marks } = this.#room
    let mark: Mark | undefined
    let { ops, bytes } = plan
    if (marks.enabled && mustBeFoundOut(plan)) {
      mark = marks.take(session.epoch, session.id)
      const op = markOp(mark)
      const more = multiOpBytes(op, acl)
      if (COUNTED_HEADER + MULTI_HEADER + bytes + more <= maxPacketBytes) {
        ops = [...ops, op]
        bytes += more
      } else {
        marks.release(mark, session.epoch)
        mark = undefined
      }
    }
    const sent: Sent = { plan, known, mark, epoch: session.epoch, sentAt: session.lastZxid }
    this.#inFlight = sent
    calls.send(
      this,
      Op.multi,
      multiFrame(ops, bytes, acl),
      (error, zxid, reply) => {
        const result = error === Code.ok ? readMulti(reply, ops.length) : error
        this.#inFlight = undefined
        if (mark !== undefined) {
          if (result instanceof Int32Array) mark.exists = true
          marks.release(mark, sent.epoch)
        }
        if (typeof result === 'number') this.#onRefused(sent, result)
        else if (result instanceof Int32Array) this.#onDone(sent, result, zxid)
        else this.#onFailed(sent, result)
      },
      () => this.#onLost(sent),
      () => mark !== undefined && marks.release(mark, sent.epoch),
    )
  }

  #onDone({ plan }: Sent, versions: Int32Array, zxid: number): void {
    let puts = 0
    let existing = 0
    for (const { item, existed, op } of plan.steps) {
      const { type, ifVersion } = item.write
      const put = type === 'put'
      if (put && ifVersion === undefined) {
        puts++
        if (existed) existing++
      }
      this.#results[item.index] = put
        ? { existed, version: versions[op]!, revision: zxid }
        : { existed, version: -1, revision: -1 }
    }
    this.#room.guess.learn(existing, puts)
    this.#leave(plan.steps)
  }

  /** The whole multi was refused. */
  #onRefused({ plan, known }: Sent, error: number): void {
    this.#known = known
    if (error === Code.throttled) {
      this.#room.calls.pause(this)
      return
    }
    for (const { item } of plan.steps) this.#fail(item, failure(error, 'write', item.write.key))
  }

  /** One operation failed, and nothing was carried out. */
  #onFailed(sent: Sent, { failed, error }: MultiFailure): void {
    const { plan, mark, known } = sent
    const item = plan.owners[failed]
    if (item === undefined) {
      this.#onMarkFailed(mark!, error, known)
      return
    }
    const { write } = item
    const { key, ifVersion } = write
    const op = plan.ops[failed]!
    const absent = error === Code.noNode
    const creating = op.type === Op.create
    if (creating && absent) {
      this.#makeRoot(known)
      return
    }
    const decided = this.#atomic || plan.owners.find(owner => owner.write.key === key) === item
    if (absent || error === Code.nodeExists || error === Code.badVersion) {
      // What the leader has just said of this key, before anything of this multi.
      this.#known = decided ? new Map([[key, { exists: !absent }]]) : NOTHING_KNOWN
      item.failures++
      if (ifVersion !== undefined) {
        if (decided) this.#fail(item, versionConflict(key, ifVersion, absent ? 'absent' : undefined))
      } else if (write.type === 'delete' && absent && decided && !this.#atomic) {
        this.#settle(item, nothingToDelete(item))
      }
      this.#lookFirst = this.#items.length > 1 && !this.#alone
    } else {
      this.#alone = true
      this.#fail(item, failure(error, write.type, key))
    }
    this.#next()
  }

  /** The mark is not what we thought, or not allowed: without it next time. */
  #onMarkFailed(mark: Mark, error: number, known: ReadonlyMap<string, Known>): void {
    this.#known = known
    if (error === Code.nodeExists) mark.exists = true
    else if (error === Code.noNode && mark.exists) mark.exists = false
    else if (error === Code.noNode) {
      this.#makeRoot(known)
      return
    } else this.#room.marks.enabled = false
    this.#next()
  }

  #makeRoot(known: ReadonlyMap<string, Known>): void {
    this.#known = known
    const resume = () => this.#room.calls.resume(this)
    const refused = (error: number) => {
      const problem = failure(error, `create the root ${this.#room.layout.root}`)
      for (const item of this.#items.slice()) this.#fail(item, problem)
      this.#next()
    }
    makeRoot(this.#room, this, resume, refused, resume)
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
    const keys = [...new Set(this.#items.map(item => item.write.key))]
    this.#read(keys, [], nodes => {
      this.#lookFirst = false
      this.#known = knowledge(keys, nodes)
      let puts = 0
      let existing = 0
      for (const { write } of this.#items) {
        if (write.type !== 'put' || write.ifVersion !== undefined) continue
        puts++
        if (this.#known.get(write.key)?.exists) existing++
      }
      this.#room.guess.learn(existing, puts)
      this.#send(true)
    })
  }

  /** Finds out what became of a multi whose answer was lost. */
  #findOut(sent: Sent): void {
    const { plan, mark, sentAt, epoch } = sent
    const { session, marks } = this.#room
    const keys = [...new Set(plan.steps.map(({ item }) => item.write.key))]
    this.#read(keys, mark === undefined ? [] : [mark.path], nodes => {
      this.#unanswered = undefined
      const byPath = new Map<string, Node>()
      const paths = keys.map(key => this.#room.layout.pathOf(key))
      if (mark !== undefined) paths.push(mark.path)
      paths.forEach((path, i) => {
        const node = nodes[i]
        if (typeof node === 'object') byPath.set(path, node)
      })
      const same = session.epoch === epoch
      // A node that can not be read tells nothing, as one that is not there.
      const verdict = outcomeOf({ ops: plan.ops, sentAt, mark }, path => byPath.get(path), same)
      const markNode = mark === undefined ? undefined : byPath.get(mark.path)
      if (mark !== undefined) {
        mark.exists = markNode !== undefined
        marks.release(mark, epoch)
      }
      this.#known = knowledge(keys, nodes)
      if (verdict === 'done') return this.#settleDone(plan.steps, byPath, markNode!.mzxid)
      if (verdict === 'unknown')
        for (const { item } of plan.steps) this.#settleUnknown(item, byPath.has(item.path))
      this.#next()
    })
  }

  /** The multi was carried out at `zxid`. */
  #settleDone(steps: readonly Step[], nodes: ReadonlyMap<string, Node>, zxid: number): void {
    this.#known = NOTHING_KNOWN
    const last = new Map(steps.map(step => [step.item.path, step]))
    for (const step of steps) {
      const { item, existed } = step
      const node = nodes.get(item.path)
      const untouched = last.get(item.path) === step && node?.mzxid === zxid ? node.version : undefined
      // -1 where an unconditional put has been overwritten since: done, but at which version nobody can tell.
      this.#results[item.index] =
        item.write.type === 'put'
          ? { existed, version: step.version ?? untouched ?? -1, revision: zxid }
          : { existed, version: -1, revision: -1 }
    }
    this.#leave(steps)
  }

  /** It can not be found out whether the multi was carried out. */
  #settleUnknown(item: Item, exists: boolean): void {
    item.maybeDone = true
    const { type, ifVersion } = item.write
    if (ifVersion === undefined && (type === 'put' || exists)) return
    this.#fail(
      item,
      new KVError('INDETERMINATE', 'the connection was lost before the answer came', { key: item.write.key }),
    )
  }

  /** Reads keys and paths after a `sync`. */
  #read(keys: readonly string[], more: readonly string[], done: (nodes: (Node | number)[]) => void): void {
    const paths = [...keys.map(key => this.#room.layout.pathOf(key)), ...more]
    const failed = (error: number) => {
      const problem = failure(error, 'read before writing')
      for (const item of this.#items.slice()) {
        item.maybeDone ||= this.#unanswered !== undefined
        this.#fail(item, problem)
      }
      this.#next()
    }
    readPaths(this.#room, this, paths, true, done, failed, () => this.#room.calls.resume(this))
  }

  /** The error that `item` ends with: INDETERMINATE where it may have been carried out earlier. */
  #errorOf({ maybeDone, write: { key, type } }: Item, reason: KVError): KVError {
    const code = maybeDone ? 'INDETERMINATE' : reason.code
    const told = maybeDone ? `${type} was sent, but not answered: ${reason.message}` : reason.message
    return new KVError(code, told, { key, cause: maybeDone ? reason : reason.cause })
  }

  #fail(item: Item, error: KVError): void {
    this.#settle(item, item.maybeDone && error.code !== 'INDETERMINATE' ? this.#errorOf(item, error) : error)
  }

  #settle(item: Item, result: Written | KVError): void {
    this.#results[item.index] = result
    if (this.#atomic && result instanceof KVError) this.#endsWith(result)
    else this.#items = this.#items.filter(other => other !== item)
  }

  /** Ends an atomic group with an error. */
  #endsWith(result: Written | KVError): boolean {
    if (!this.#atomic || !(result instanceof KVError) || this.#items.length === 0) return false
    this.#items = []
    this.#room.calls.finish(this)
    this.#emit(result)
    return true
  }

  #leave(steps: readonly Step[]): void {
    if (steps.length === this.#items.length) this.#items = []
    else {
      const done = new Set(steps.map(({ item }) => item))
      this.#items = this.#items.filter(item => !done.has(item))
    }
    this.#next()
  }

  #next(): void {
    if (this.#items.length > 0) this.#room.calls.resume(this)
    else this.#finish()
  }

  #finish(): void {
    this.#room.calls.finish(this)
    this.#emit(undefined)
  }

  #emit(error: KVError | undefined): void {
    if (error !== undefined) this.#subscriber.error(error)
    else {
      this.#subscriber.next(this.#results)
      this.#subscriber.complete()
    }
  }
}

/** Whether a multi cannot just be sent again when its answer is lost: it writes, and its outcome depends on what is there. */
function mustBeFoundOut({ steps }: Plan): boolean {
  let writes = false
  let depends = false
  for (const {
    item: { write },
  } of steps) {
    if (write.type !== 'check') writes = true
    if (write.ifVersion !== undefined || write.type === 'delete') depends = true
    if (writes && depends) return true
  }
  return false
}

/** What was read of `keys`; nothing of one that was answered in an unexpected way. */
function knowledge(keys: readonly string[], nodes: readonly (Node | number)[]): Map<string, Known> {
  const known = new Map<string, Known>()
  keys.forEach((key, i) => {
    const node = nodes[i]!
    if (typeof node === 'object') known.set(key, { exists: true, version: node.version })
    else if (node === Code.noNode) known.set(key, { exists: false })
    // It exists; the write will tell whether it is permitted.
    else if (node === Code.noAuth) known.set(key, { exists: true })
  })
  return known
}
