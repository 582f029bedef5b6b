import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../../src/engines/zookeeper/operations/outcome.ts'
import { Op } from '../../src/engines/zookeeper/wire/protocol.ts'
import type { Node } from '../../src/engines/zookeeper/wire/replies.ts'
import type { MultiOp } from '../../src/engines/zookeeper/wire/requests.ts'

const PATHS = ['/a', '/b', '/c']
const VALUES = ['x', 'y']

/** A model of the server: what a multi does to the tree, all or none, at one zxid. */
class Tree {
  readonly nodes: Map<string, Node> = new Map()
  zxid = 0

  multi(ops: readonly MultiOp[]): boolean {
    const zxid = ++this.zxid
    const nodes = new Map(this.nodes)
    for (const op of ops) {
      const node = nodes.get(op.path)
      if (op.type === Op.create) {
        if (node !== undefined) return false
        nodes.set(op.path, { value: Buffer.from(op.data), version: 0, revision: zxid, czxid: zxid })
        continue
      }
      if (node === undefined || (op.version >= 0 && op.version !== node.version)) return false
      if (op.type === Op.delete) nodes.delete(op.path)
      else if (op.type === Op.setData) {
        nodes.set(op.path, {
          ...node,
          value: Buffer.from(op.data),
          version: node.version + 1,
          revision: zxid,
        })
      }
    }
    for (const path of PATHS.concat('/protection')) {
      const node = nodes.get(path)
      if (node === undefined) this.nodes.delete(path)
      else this.nodes.set(path, node)
    }
    return true
  }
}

const paths = fc.constantFrom(...PATHS)
const versions = fc.integer({ min: -1, max: 3 })
const data = fc.constantFrom(...VALUES).map(value => Buffer.from(value))
const operations: fc.Arbitrary<MultiOp> = fc.oneof(
  fc.record({ type: fc.constant(Op.create), path: paths, data }),
  fc.record({ type: fc.constant(Op.setData), path: paths, data, version: versions }),
  fc.record({ type: fc.constant(Op.delete), path: paths, version: versions }),
  fc.record({ type: fc.constant(Op.check), path: paths, version: versions }),
)
const multis = fc.array(operations, { minLength: 1, maxLength: 3 })

const histories = fc.record({
  before: fc.array(multis, { maxLength: 8 }),
  ours: multis,
  arrives: fc.boolean(),
  // Others may write before ours arrives, and after.
  between: fc.array(multis, { maxLength: 3 }),
  after: fc.array(multis, { maxLength: 5 }),
  marked: fc.boolean(),
})

const MARK_DATA = Buffer.from('7')

describe('outcomeOf', () => {
  it('is never wrong, whatever others wrote before, meanwhile and after', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(histories, ({ before, ours, arrives, between, after, marked }) => {
        const tree = new Tree()
        for (const ops of before) tree.multi(ops)
        const sentAt = tree.zxid
        for (const ops of between) tree.multi(ops)
        const markOp: MultiOp = { type: Op.create, path: '/protection', data: MARK_DATA }
        const done = arrives && tree.multi(marked ? [...ours, markOp] : ours)
        for (const ops of after) tree.multi(ops)
        const protection = marked ? { path: '/protection', data: MARK_DATA, exists: false } : undefined
        const verdict = outcomeOf({ ops: ours, sentAt, protection }, path => tree.nodes.get(path))
        seen.add(`${verdict}, ${marked ? 'marked' : 'unmarked'}, ${done}`)
        if (marked) expect(verdict).toBe(done ? 'done' : 'not done')
        else if (verdict !== 'unknown') expect(verdict).toBe(done ? 'done' : 'not done')
      }),
      { numRuns: 20_000 },
    )
    // The property is worth something only where all cases came up.
    expect([...seen].sort()).toEqual([
      'done, marked, true',
      'not done, marked, false',
      'not done, unmarked, false',
      'unknown, unmarked, false',
      'unknown, unmarked, true',
    ])
  })

  const node = (value: string, version: number, czxid: number, revision: number): Node => ({
    value: Buffer.from(value),
    version,
    czxid,
    revision,
  })
  const set = (path: string, value: string, version: number): MultiOp => ({
    type: Op.setData,
    path,
    data: Buffer.from(value),
    version,
  })
  const create: MultiOp = { type: Op.create, path: '/a', data: Buffer.from('x') }
  const remove: MultiOp = { type: Op.delete, path: '/a', version: 3 }

  it.each<[string, MultiOp[], Record<string, Node>, string]>([
    ['a set, the node untouched', [set('/a', 'x', 3)], { '/a': node('o', 3, 1, 9) }, 'not done'],
    [
      'a set, the next version with other bytes',
      [set('/a', 'x', 3)],
      { '/a': node('y', 4, 1, 12) },
      'not done',
    ],
    ['a set, the next version with our bytes', [set('/a', 'x', 3)], { '/a': node('x', 4, 1, 12) }, 'unknown'],
    ['a set, two versions on', [set('/a', 'x', 3)], { '/a': node('x', 5, 1, 13) }, 'unknown'],
    ['a set, recreated', [set('/a', 'x', 3)], { '/a': node('y', 0, 12, 12) }, 'unknown'],
    ['a set, gone', [set('/a', 'x', 3)], {}, 'unknown'],
    [
      'a set of the last version, its node at the one before',
      [set('/a', 'x', 2 ** 31 - 1)],
      { '/a': node('y', 2 ** 31 - 2, 1, 12) },
      'not done',
    ],
    [
      'a set of the last version, the first one with other bytes',
      [set('/a', 'x', 2 ** 31 - 1)],
      { '/a': node('y', -(2 ** 31), 1, 12) },
      'not done',
    ],
    [
      'a set of the last version, beyond it',
      [set('/a', 'x', 2 ** 31 - 1)],
      { '/a': node('y', -(2 ** 31) + 5, 1, 12) },
      'unknown',
    ],
    [
      'a set of version -2, past -1 with other bytes',
      [set('/a', 'x', -2)],
      { '/a': node('y', 0, 1, 12) },
      'not done',
    ],
    ['a create, absent', [create], {}, 'unknown'],
    ['a create, there all along', [create], { '/a': node('x', 0, 5, 5) }, 'not done'],
    ['a create, created since', [create], { '/a': node('y', 0, 12, 12) }, 'unknown'],
    ['a delete, still there', [remove], { '/a': node('o', 4, 5, 12) }, 'not done'],
    ['a delete, recreated', [remove], { '/a': node('o', 0, 12, 12) }, 'unknown'],
    [
      'two sets, written at different zxids',
      [set('/a', 'x', 3), set('/b', 'y', 1)],
      { '/a': node('x', 4, 1, 12), '/b': node('y', 2, 1, 13) },
      'not done',
    ],
    [
      'two sets, written at one zxid',
      [set('/a', 'x', 3), set('/b', 'y', 1)],
      { '/a': node('x', 4, 1, 12), '/b': node('y', 2, 1, 12) },
      'unknown',
    ],
    [
      'two sets, one untouched',
      [set('/a', 'x', 3), set('/b', 'y', -1)],
      { '/a': node('x', 4, 1, 12), '/b': node('o', 9, 1, 8) },
      'not done',
    ],
  ])('%s', (_, ops, nodes, verdict) => {
    expect(outcomeOf({ ops, sentAt: 10, protection: undefined }, path => nodes[path])).toBe(verdict)
  })

  it('believes the protection: one that is not ours, or is not there, says that it was not carried out', () => {
    const protection = { path: '/protection', data: MARK_DATA, exists: false }
    const ops = [set('/a', 'x', 3)]
    expect(outcomeOf({ ops, sentAt: 10, protection }, () => undefined)).toBe('not done')
    const before = { '/protection': node('6', 0, 11, 11) } as Record<string, Node>
    expect(
      outcomeOf({ ops, sentAt: 10, protection: { ...protection, exists: true } }, path => before[path]),
    ).toBe('not done')
  })

  it('does not take a protection that somebody deleted for a sign', () => {
    const protection = { path: '/protection', data: MARK_DATA, exists: true }
    expect(outcomeOf({ ops: [set('/a', 'x', 3)], sentAt: 10, protection }, () => undefined)).toBe('unknown')
  })
})
