import { expect, it } from 'vitest'
import { KeyLayout } from '../../src/engines/zookeeper/layout/key-layout.ts'
import { type LookEnd, RootNode } from '../../src/engines/zookeeper/operations/root-node.ts'
import type { Send } from '../../src/engines/zookeeper/operations/send.ts'
import { PacketLimit } from '../../src/engines/zookeeper/session/packet-limit.ts'
import { Code, Op } from '../../src/engines/zookeeper/wire/protocol.ts'
import { REPLY_BODY } from '../../src/engines/zookeeper/wire/replies.ts'
import { int } from './scripted-server.ts'

const CREATED = 1
const HEADER = Buffer.alloc(REPLY_BODY)

/** A root `/r` with one bucket, and the requests it sends, which are answered in order. */
function rooted() {
  const asked: { readonly type: number; readonly reply: (error: number, body?: Buffer) => void }[] = []
  const send: Send = (type, _frame, replied) => {
    asked.push({
      type,
      reply: (error, body = Buffer.alloc(0)) => replied(error, 1, Buffer.concat([HEADER, body])),
    })
  }
  const events = { refused: () => {}, held: () => {} }
  const limit = new PacketLimit(1_000_000)
  const root = new RootNode(new KeyLayout('/r', 1), Buffer.alloc(0), limit, events, undefined)
  const answer = (type: number, error: number, body?: Buffer): void => {
    const next = asked.shift()!
    expect(next.type).toBe(type)
    next.reply(error, body)
  }
  return { root, send, asked, answer }
}

const header = (type: number): Buffer => Buffer.concat([int(type), Buffer.from([0]), int(-1)])
const END = Buffer.concat([int(-1), Buffer.from([1]), int(-1)])
const RECORD = Buffer.from('{"rxkeeper":{"buckets":1}}')
const recordedNode = Buffer.concat([header(Op.getData), int(RECORD.length), RECORD, Buffer.alloc(68), END])
const noNode = Buffer.concat([header(Op.error), int(Code.noNode), END])

// Found by the simulator, seed 53911: a delete was told that there is no such key.
it('that is looked at while it is made: a look does not end as if there were no first bucket', () => {
  const { root, send, asked, answer } = rooted()
  const ends: LookEnd[] = []
  root.look(send, end => ends.push(end))
  answer(Op.exists, Code.noNode)
  answer(Op.exists, Code.noNode)
  answer(Op.multiRead, Code.ok, noNode)
  root.make(send, () => {})
  // Somebody else makes it meanwhile.
  root.event(CREATED, '/r')
  root.look(send, end => ends.push(end))
  root.event(CREATED, '/r/000')
  answer(Op.multi, Code.nodeExists)
  answer(Op.multiRead, Code.ok, recordedNode)
  expect(ends).toEqual(['done', 'throttled'])
  expect(root.verified).toBe(false)

  root.look(send, end => ends.push(end))
  answer(Op.exists, Code.ok)
  answer(Op.multiRead, Code.ok, recordedNode)
  expect(ends[2]).toBe('done')
  expect(root.verified).toBe(true)
  expect(asked).toEqual([])
})
