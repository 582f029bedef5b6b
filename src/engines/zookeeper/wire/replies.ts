import type { Stored } from '../../../contract/engine.ts'
import { Op } from './protocol.ts'
import { readZxid } from './zxid.ts'

/*
 * Replies, read in place. A reply that is not what was asked for runs into the end of its buffer, or is refused here,
 * and either ends the connection.
 */

/** The answer to `getData`; the revision is the zxid of the last write. */
export interface Node extends Stored {
  readonly value: Buffer
  /** The zxid of the creation. */
  readonly czxid: number
}

/** The offset of the body of a reply, after its xid, zxid and error code. */
export const REPLY_BODY = 16

const STAT_BYTES = 68
const CZXID = 0
const MZXID = 8
const VERSION = 32
const EPHEMERAL_OWNER = 44

function check(reply: Buffer, end: number): void {
  if (end > reply.length) throw new RangeError('the answer is cut short')
}

function refuse(type: number): never {
  throw new RangeError(`a result of type ${type}, which was not asked for`)
}

const SLAB = 8192

/**
 * Cuts values out of a reply so that keeping one value does not keep much more memory alive: a value that makes up most
 * of the reply is a view of it, another large one is a copy, and small neighbours share a copy of up to 8 KiB.
 */
class ValueCutter {
  readonly #reply: Buffer
  readonly #received: number
  #slab: Buffer
  #from = 0
  #to = 0

  constructor(reply: Buffer) {
    this.#reply = reply
    this.#slab = reply
    this.#received = reply.buffer.byteLength
  }

  cut(from: number, to: number): Buffer {
    if ((to - from) * 2 >= this.#received) return this.#reply.subarray(from, to)
    if (to > this.#to) {
      this.#from = from
      this.#to = Math.max(to, Math.min(from + SLAB, this.#reply.length))
      this.#slab = Buffer.allocUnsafeSlow(this.#to - from)
      this.#slab.set(this.#reply.subarray(from, this.#to))
    }
    return this.#slab.subarray(from - this.#from, to - this.#from)
  }
}

/** The results of a {@link multiReadFrame} of `count` paths: the node, or an error code. */
export function readNodes(reply: Buffer, count: number): (Node | number)[] {
  const nodes: (Node | number)[] = new Array(count)
  const values = new ValueCutter(reply)
  let at = REPLY_BODY
  for (let i = 0; i < count; i++) {
    const type = reply.readInt32BE(at)
    at += 9
    if (type === Op.error) {
      nodes[i] = reply.readInt32BE(at)
      at += 4
    } else if (type === Op.getData) {
      // A node without data, as other clients may create, has the length -1.
      const length = Math.max(reply.readInt32BE(at), 0)
      const stat = at + 4 + length
      at = stat + STAT_BYTES
      check(reply, at)
      nodes[i] = {
        value: values.cut(stat - length, stat),
        version: reply.readInt32BE(stat + VERSION),
        revision: readZxid(reply, stat + MZXID),
        czxid: readZxid(reply, stat + CZXID),
      }
    } else refuse(type)
  }
  return nodes
}

/** Of the nodes that {@link readNodes} reads, which end with a session. */
export function readEphemeral(reply: Buffer, count: number): boolean[] {
  const ephemeral: boolean[] = []
  let at = REPLY_BODY
  for (let i = 0; i < count; i++) {
    const isError = reply.readInt32BE(at) === Op.error
    at += 9
    const stat = at + 4 + Math.max(reply.readInt32BE(at), 0)
    ephemeral.push(!isError && reply.readBigInt64BE(stat + EPHEMERAL_OWNER) !== 0n)
    at = isError ? at + 4 : stat + STAT_BYTES
  }
  return ephemeral
}

/** A failed multi: which operation failed, and how. */
export interface MultiFailure {
  readonly failed: number
  readonly error: number
}

/**
 * The results of a multi of `count` operations: the version after each (0 after a create, -1 after others), or the
 * failure.
 */
export function readMulti(reply: Buffer, count: number): Int32Array | MultiFailure {
  const versions = new Int32Array(count)
  let at = REPLY_BODY
  for (let i = 0; i < count; i++) {
    const type = reply.readInt32BE(at)
    at += 9
    switch (type) {
      case Op.error: {
        const error = reply.readInt32BE(at)
        at += 4
        // Operations before the failed one have 0, those after it RUNTIMEINCONSISTENCY.
        if (error !== 0) return { failed: i, error }
        break
      }
      case Op.create:
        at += 4 + reply.readInt32BE(at)
        break
      case Op.setData:
        versions[i] = reply.readInt32BE(at + VERSION)
        at += STAT_BYTES
        break
      case Op.delete:
      case Op.check:
        versions[i] = -1
        break
      default:
        refuse(type)
    }
  }
  check(reply, at)
  return versions
}

/** The results of a multiRead of `count` listings: the names of the children, or an error code. */
export function readListings(reply: Buffer, count: number): (string[] | number)[] {
  const listings: (string[] | number)[] = []
  let at = REPLY_BODY
  for (let i = 0; i < count; i++) {
    const type = reply.readInt32BE(at)
    at += 9
    if (type === Op.error) {
      listings.push(reply.readInt32BE(at))
      at += 4
    } else if (type === Op.getChildren) {
      const names: string[] = []
      let left = reply.readInt32BE(at)
      for (at += 4; left > 0; left--) {
        const end = at + 4 + reply.readInt32BE(at)
        check(reply, end)
        names.push(reply.toString('utf8', at + 4, end))
        at = end
      }
      listings.push(names)
    } else refuse(type)
  }
  return listings
}

/** The data that an answer begins with: of a node, or a step of an authentication; empty where there are none. */
export function readData(reply: Buffer): Buffer {
  const end = REPLY_BODY + 4 + Math.max(reply.readInt32BE(REPLY_BODY), 0)
  check(reply, end)
  return reply.subarray(REPLY_BODY + 4, end)
}

/** The type of a watch event. */
export const readEventType = (reply: Buffer): number => reply.readInt32BE(REPLY_BODY)

/** The path of a watch event. */
export function readEventPath(reply: Buffer): string {
  // The event's type and the session's state, four bytes each, come first.
  const at = REPLY_BODY + 8
  return reply.toString('utf8', at + 4, at + 4 + reply.readInt32BE(at))
}
