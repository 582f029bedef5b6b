import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { Op } from '../../src/engines/zookeeper/wire/protocol.ts'
import {
  emptyFrame,
  encodeAcl,
  type MultiOp,
  multiFrame,
  multiOpBytes,
  multiReadBytes,
  multiReadFrame,
  syncFrame,
  watchFrame,
} from '../../src/engines/zookeeper/wire/requests.ts'
import { framed, int } from './scripted-server.ts'

// An independent encoder of the same protocol: that of node-zookeeper-client itself.
const require = createRequire(import.meta.url)
const jute = require('node-zookeeper-client/lib/jute')
const { Id, Permission, ACL, CreateMode } = require('node-zookeeper-client')

const acl = encodeAcl([
  { perms: 31, scheme: 'world', id: 'anyone' },
  { perms: 1, scheme: 'digest', id: 'ü:x' },
])
const acls = [
  new ACL(Permission.ALL, new Id('world', 'anyone')),
  new ACL(Permission.READ, new Id('digest', 'ü:x')),
]

/** A frame of the other encoder, with our request number, which is none yet. */
function theirs(type: number, payload: unknown): string {
  const frame: Buffer = new jute.Request(new jute.protocol.RequestHeader(0, type), payload).toBuffer()
  return frame.toString('hex')
}

const ours = (frame: Buffer): string => {
  frame.writeInt32BE(0, 4)
  return frame.toString('hex')
}

const text = (value: string): Buffer => Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)])

describe('requests are what node-zookeeper-client’s own encoder makes of them', () => {
  it('multi', () => {
    const ops: MultiOp[] = [
      { type: Op.create, path: '/a/é', data: Buffer.from('value') },
      { type: Op.setData, path: '/日本', data: new Uint8Array([0, 255]), version: -1 },
      { type: Op.setData, path: '/b', data: Buffer.alloc(300, 1), version: 2_147_483_647 },
      { type: Op.delete, path: '/c', version: 3 },
      { type: Op.check, path: '/d', version: 0 },
    ]
    const bytes = ops.reduce((sum, op) => sum + multiOpBytes(op, acl), 0)
    const same = ops.map(op => {
      if (op.type === Op.create) return { ...op, acls, mode: CreateMode.PERSISTENT }
      return op.type === Op.setData ? { ...op, data: Buffer.from(op.data) } : op
    })
    expect(ours(multiFrame(ops, bytes, acl))).toBe(theirs(Op.multi, new jute.TransactionRequest(same)))
  })

  it('closeSession', () => {
    expect(ours(emptyFrame(Op.closeSession))).toBe(theirs(Op.closeSession, null))
  })
})

describe('requests that node-zookeeper-client does not know', () => {
  const header = (type: number) => int(0, type)

  it('multiRead', () => {
    const paths = ['/a', '/é']
    const expecting = (type: number) => {
      const one = (path: string) => [int(type), Buffer.from([0]), int(-1), text(path), Buffer.from([0])]
      return framed(header(22), ...paths.flatMap(one), int(-1), Buffer.from([1]), int(-1))
    }
    const expected = expecting(Op.getData)
    expect(ours(multiReadFrame(paths))).toBe(expected.toString('hex'))
    expect(ours(multiReadFrame(paths, Op.getChildren))).toBe(expecting(Op.getChildren).toString('hex'))
    expect(paths.reduce((sum, path) => sum + multiReadBytes(path), 8 + 9)).toBe(expected.length - 4)
  })

  it('sync, addWatch and removeWatches', () => {
    expect(ours(syncFrame('/é'))).toBe(framed(header(9), text('/é')).toString('hex'))
    expect(ours(watchFrame(Op.addWatch, '/é', 'subtree'))).toBe(
      framed(header(106), text('/é'), int(1)).toString('hex'),
    )
    expect(ours(watchFrame(Op.removeWatches, '/', 'subtree'))).toBe(
      framed(header(18), text('/'), int(3)).toString('hex'),
    )
  })
})
