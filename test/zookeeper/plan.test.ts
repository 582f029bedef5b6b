import { expect, test } from 'vitest'
import type { ExpectedVersion } from '../../src/contract/engine.ts'
import {
  type Knowledge,
  type MultiPlan,
  type PendingWrite,
  planMulti,
} from '../../src/engines/zookeeper/operations/plan.ts'
import { PacketLimit } from '../../src/engines/zookeeper/session/packet-limit.ts'
import { encodeAcl } from '../../src/engines/zookeeper/wire/requests.ts'

const acl = encodeAcl([{ perms: 31, scheme: 'world', id: 'anyone' }])
const LAST = 2 ** 31 - 1
const FIRST = -(2 ** 31)

const puts = (...expected: (ExpectedVersion | undefined)[]): PendingWrite[] =>
  expected.map((ifVersion, index) => ({
    index,
    write: { type: 'put', key: 'a', value: Buffer.from(`${index}`), ifVersion },
    path: '/a',
    failures: 0,
    maybeDone: false,
    settled: false,
  }))

const plan = (items: PendingWrite[], known: Record<string, Knowledge> = {}): MultiPlan =>
  planMulti(items, {
    known: new Map(Object.entries(known)),
    estimate: 'set',
    atomic: true,
    alone: false,
    acl,
    packetLimit: new PacketLimit(1_000_000),
    besideBytes: 0,
  })

const sent = ({ ops }: MultiPlan): (number | undefined)[] =>
  ops.map(op => ('version' in op ? op.version : undefined))

test('the version after the last is the first', () => {
  const planned = plan(puts(LAST, FIRST, undefined, FIRST + 2))
  expect(planned.settled).toEqual([])
  expect(sent(planned)).toEqual([LAST, FIRST, -1, FIRST + 2])
})

test('-1 is passed over by a second set, and what comes next is left to the server', () => {
  for (const item of [puts(-2, 0), puts(undefined, 0)]) {
    const planned = plan(item, { a: { exists: true, version: -2 } })
    expect(sent(planned)).toEqual([item[0]!.write.ifVersion ?? -1, -1, 0])
    expect(planned.steps.map(({ op }) => op)).toEqual([1, 2])
    expect(planned.owners).toEqual([item[0], item[0], item[1]])
  }
})

test.each([-1, FIRST - 1, LAST + 1, 0.5])('%d is no version, and is never sent', ifVersion => {
  const planned = plan(puts(ifVersion))
  expect(planned.ops).toEqual([])
  expect(planned.settled).toMatchObject([{ result: { code: 'VERSION_CONFLICT' } }])
})
