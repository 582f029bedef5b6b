import { Code, Op } from '../wire/protocol.ts'
import { readMulti } from '../wire/replies.ts'
import { type MultiOp, multiFrame, multiOpBytes } from '../wire/requests.ts'

/** Sends a frame; `lost` is called instead of `replied` if the connection is lost before the answer. */
export type Send = (
  type: number,
  frame: Buffer,
  replied: (error: number, zxid: number, reply: Buffer) => void,
  lost?: () => void,
) => void

/** Sends operations, all or none; passes the server's code to `end`. */
export function sendMulti(
  send: Send,
  ops: readonly MultiOp[],
  acl: Buffer,
  end: (error: number) => void,
): void {
  let bytes = 0
  for (const op of ops) bytes += multiOpBytes(op, acl)
  send(Op.multi, multiFrame(ops, bytes, acl), (error, _zxid, reply) => {
    if (error !== Code.ok) return end(error)
    const result = readMulti(reply, ops.length)
    end(result instanceof Int32Array ? Code.ok : result.error)
  })
}
