import { expect, it } from 'vitest'
import { nodeKey } from '../../src/contract/nodes.ts'
import { type NodeContent, nodesFor } from '../../src/moves/nodes.ts'

const POSITION = nodeKey('groups', 'visits', 'partitions', 'p0')
const JOURNAL = nodeKey('groups', 'visits', 'partitions', 'p0', 'outputs-0')
const FINISHED = nodeKey('groups', 'visits', 'finished', 'p0')

const node = (key: string, value: object): NodeContent => ({ key, value: Buffer.from(JSON.stringify(value)) })

const at = (records: number, taken?: number): NodeContent =>
  node(POSITION, {
    position: `${records}`,
    records,
    ...(taken !== undefined && { taken: { position: `${taken}`, records: taken } }),
  })

const shown = (nodes: readonly (readonly NodeContent[])[]): unknown[][] =>
  nodes.map(some => some.map(({ key, value }) => [key, JSON.parse(Buffer.from(value).toString())]))

it('to as many ensembles they go as they are', () => {
  const nodes = [[at(7, 3), node(JOURNAL, {})], [at(9)]]
  expect(nodesFor(nodes, 2)).toBe(nodes)
})

it('to other ensembles a position goes to each, where everything up to it is done', () => {
  const everywhere = [POSITION, { position: '9', records: 9, owner: '' }]
  const nodes = [[node(FINISHED, {}), at(9, 9), node(JOURNAL, {})], [at(4, 3)]]
  expect(shown(nodesFor(nodes, 3))).toEqual([[[FINISHED, {}], everywhere], [everywhere], [everywhere]])
  expect(shown(nodesFor([[at(9)]], 2))).toEqual([[everywhere], [everywhere]])
})

it.each([
  ['an output was not taken', [[at(9, 8)]]],
  ['one ensemble is ahead', [[at(9, 4)], [at(4, 4)]]],
  ['one ensemble is ahead of what the other says', [[at(9, 4)], [at(6, 6)]]],
])('they cannot be taken along where %s', (_, nodes) => {
  expect(() => nodesFor(nodes, 3)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})
