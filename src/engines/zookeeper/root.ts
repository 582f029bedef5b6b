import type { Call } from './calls.ts'
import { Code, Op } from './protocol.ts'
import type { Room } from './reads.ts'
import { readMulti } from './replies.ts'
import { type MultiOp, multiFrame, multiOpBytes } from './requests.ts'

/**
 * Makes the root node, and what is missing above it. Begins at the root itself, so that no permission is needed on
 * nodes above it that exist.
 */
export function makeRoot(
  room: Room,
  call: Call,
  done: () => void,
  failed: (error: number) => void,
  lost: () => void,
): void {
  const { acl, calls, layout } = room
  const make = (path: string, made: () => void): void => {
    const op: MultiOp = { type: Op.create, path, data: Buffer.alloc(0) }
    const replied = (error: number, _zxid: number, reply: Buffer) => {
      const result = error === Code.ok ? readMulti(reply, 1) : { failed: 0, error }
      if (result instanceof Int32Array || result.error === Code.nodeExists) made()
      else if (result.error === Code.throttled) calls.pause(call)
      else if (result.error === Code.noNode && path.lastIndexOf('/') > 0) {
        make(path.slice(0, path.lastIndexOf('/')), () => make(path, made))
      } else failed(result.error)
    }
    calls.send(call, Op.multi, multiFrame([op], multiOpBytes(op, acl), acl), replied, lost)
  }
  make(layout.root, done)
}
