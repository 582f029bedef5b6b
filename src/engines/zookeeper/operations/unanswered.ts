import { KVError } from '../../../base/errors.ts'
import { Code } from '../wire/protocol.ts'
import type { Node } from '../wire/replies.ts'
import { outcomeOf } from './outcome.ts'
import { notAnswered, type PendingWrites } from './pending-writes.ts'
import type { Knowledge, PlannedWrite } from './plan.ts'
import type { SentMulti } from './sent-multi.ts'

/** The paths to read, after a `sync`, to find out the outcome of a multi. */
export function pathsToRead({ plan, protection }: SentMulti): string[] {
  const paths = new Set(plan.steps.map(({ item }) => item.path))
  if (protection !== undefined) paths.add(protection.path)
  return [...paths]
}

/** Settles the writes of an unanswered multi, as far as the nodes show its outcome. */
export function settleUnanswered(
  group: PendingWrites,
  { plan: { ops, steps }, protection, sentAt }: SentMulti,
  nodes: ReadonlyMap<string, Node | number>,
): void {
  // A node that cannot be read shows nothing, like an absent one.
  const nodeAt = (path: string): Node | undefined => {
    const node = nodes.get(path)
    return typeof node === 'object' ? node : undefined
  }
  const verdict = outcomeOf({ ops, sentAt, protection }, nodeAt)
  if (verdict === 'done') settleDone(group, steps, nodeAt, nodeAt(protection!.path)!.revision)
  else if (verdict === 'unknown') settleUnknown(group, steps, nodes)
}

/** The multi was carried out at `zxid`. */
function settleDone(
  group: PendingWrites,
  steps: readonly PlannedWrite[],
  nodeAt: (path: string) => Node | undefined,
  zxid: number,
): void {
  const last = new Map(steps.map(step => [step.item.path, step]))
  group.done(steps, step => {
    const { item, existed, after } = step
    if (item.write.type !== 'put') return { existed, version: -1, revision: -1 }
    const node = nodeAt(item.path)
    const untouched = last.get(item.path) === step && node?.revision === zxid ? node.version : undefined
    // -1 if an unconditional put has been overwritten since: it was done, but its version is unknown.
    return { existed, version: after.version ?? untouched ?? -1, revision: zxid }
  })
}

/** The outcome is unknown: unconditional writes are repeated, except a delete that now finds nothing. */
function settleUnknown(
  group: PendingWrites,
  steps: readonly PlannedWrite[],
  nodes: ReadonlyMap<string, Node | number>,
): void {
  notAnswered(steps.map(({ item }) => item))
  const hopeless = steps.filter(({ item: { path, write } }) =>
    write.type === 'put' && write.ifVersion === undefined
      ? false
      : write.ifVersion !== undefined || nodes.get(path) === Code.noNode,
  )
  group.settle(
    hopeless.map(({ item }) => ({
      item,
      result: new KVError('INDETERMINATE', 'the connection was lost before the answer came', {
        key: item.write.key,
      }),
    })),
  )
}

/** What the nodes show about the keys; nothing about one with an unexpected answer. */
export function knowledgeOf(
  group: PendingWrites,
  nodes: ReadonlyMap<string, Node | number>,
): Map<string, Knowledge> {
  const known = new Map<string, Knowledge>()
  for (const { path, write } of group.left) {
    const node = nodes.get(path)
    if (typeof node === 'object') known.set(write.key, { exists: true, version: node.version })
    else if (node === Code.noNode) known.set(write.key, { exists: false })
    // It exists; the write will show whether it is permitted.
    else if (node === Code.noAuth) known.set(write.key, { exists: true })
  }
  return known
}
