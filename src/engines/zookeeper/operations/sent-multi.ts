import { Code, Op } from '../wire/protocol.ts'
import { type MultiFailure, readMulti } from '../wire/replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, type MultiOp, multiFrame, multiOpBytes } from '../wire/requests.ts'
import type { WriteContext } from './context.ts'
import type { KnowledgeOfKeys, MultiPlan } from './plan.ts'
import { type Protection, protectionOp } from './protections.ts'
import type { RootCheck } from './root-seal.ts'
import type { Task } from './tasks.ts'

/** A multi in flight. */
export interface SentMulti {
  readonly plan: MultiPlan
  /** The knowledge that it was planned with. */
  readonly known: KnowledgeOfKeys
  readonly protection: Protection | undefined
  /** The check that it began with; `undefined` where there was no root. */
  readonly rootCheck: RootCheck | undefined
  /** The newest zxid known when it was sent. */
  readonly sentAt: number
}

/**
 * Whether a multi cannot simply be sent again when its answer is lost: it writes, and its result depends on the state.
 */
export function mustBeFoundOut({ steps }: MultiPlan): boolean {
  let writes = false
  let depends = false
  for (const { item } of steps) {
    const { type, ifVersion } = item.write
    if (type !== 'check') writes = true
    if (ifVersion !== undefined || type === 'delete') depends = true
    if (writes && depends) return true
  }
  return false
}

/** The outcomes of a multi; exactly one is called, unless its task is done before. */
export interface MultiEvents {
  /** It was carried out at `zxid`; `versions` has the version after each operation. */
  done(sent: SentMulti, versions: Int32Array, zxid: number): void
  /** One operation failed, and nothing was carried out. */
  failed(sent: SentMulti, failure: MultiFailure): void
  /** The root is not as it was seen, and nothing was carried out. */
  rootChanged(sent: SentMulti, error: number): void
  /** The whole multi was refused. */
  refused(sent: SentMulti, error: number): void
  /** The connection was lost before the answer came. */
  lost(sent: SentMulti): void
}

/**
 * Sends a multi of `task`, if the root is as it was seen; with protection where its outcome could not be found out
 * otherwise.
 */
export function sendPlan(
  context: WriteContext,
  task: Task,
  plan: MultiPlan,
  known: KnowledgeOfKeys,
  events: MultiEvents,
): SentMulti {
  const { tasks, session, protections, acl, sendAside, root } = context
  const protection = takeProtection(context, plan)
  const rootCheck = root.verified ? root.check : undefined
  let { bytes } = plan
  const ops: MultiOp[] = rootCheck === undefined ? [...plan.ops] : [rootCheck, ...plan.ops]
  if (rootCheck !== undefined) bytes += multiOpBytes(rootCheck, acl)
  const first = ops.length - plan.ops.length
  if (protection !== undefined) {
    protections.prepare(sendAside)
    const op = protectionOp(protection)
    ops.push(op)
    bytes += multiOpBytes(op, acl)
  }
  const sent: SentMulti = { plan, known, protection, rootCheck, sentAt: session.lastZxid }
  const replied = (error: number, zxid: number, reply: Buffer) => {
    const result = error === Code.ok ? readMulti(reply, ops.length) : error
    if (protection !== undefined && result instanceof Int32Array) {
      protection.exists = true
      protections.sweep(sendAside)
    }
    releaseProtection(context, sent)
    if (typeof result === 'number') events.refused(sent, result)
    else if (result instanceof Int32Array)
      events.done(sent, first === 0 ? result : result.subarray(first), zxid)
    else if (result.failed < first) events.rootChanged(sent, result.error)
    else events.failed(sent, { failed: result.failed - first, error: result.error })
  }
  tasks.send(
    task,
    Op.multi,
    multiFrame(ops, bytes, acl),
    replied,
    () => events.lost(sent),
    () => releaseProtection(context, sent),
  )
  return sent
}

/** A protection for a multi, if it needs one and has room for it. */
function takeProtection(
  { protections, acl, packetLimit, root }: WriteContext,
  plan: MultiPlan,
): Protection | undefined {
  if (!protections.enabled || !mustBeFoundOut(plan)) return undefined
  const protection = protections.take()
  const beside = COUNTED_HEADER + MULTI_HEADER + root.checkBytes
  const bytes = beside + plan.bytes + multiOpBytes(protectionOp(protection), acl)
  if (bytes <= packetLimit.bytes) return protection
  protections.release(protection)
  return undefined
}

/** The outcome of a multi is known, or was given up. */
export function releaseProtection({ protections }: WriteContext, { protection }: SentMulti): void {
  if (protection !== undefined) protections.release(protection)
}
