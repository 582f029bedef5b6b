import { codeName } from '../../../src/engines/zookeeper/wire/protocol.ts'
import { readHandshake, readRequest } from '../../../src/testing/simulation/decode.ts'
import { Op } from '../../../src/testing/simulation/protocol.ts'

const NAMES = Object.fromEntries(Object.entries(Op).map(([name, type]) => [type, name]))
/** Data that is shown, in bytes. */
const SHOWN = 40

const shown = (data: Buffer | null): string =>
  data === null
    ? 'null'
    : `${JSON.stringify(data.toString('latin1', 0, SHOWN))}${data.length > SHOWN ? '…' : ''}`

const HIDDEN = new Set(['type', 'xid', 'acl', 'auth'])

function described(op: { readonly type: number }): string {
  const parts = Object.entries(op as Record<string, unknown>).flatMap(([name, value]) => {
    if (HIDDEN.has(name)) return []
    if (name === 'path') return [String(value)]
    if (Array.isArray(value)) return ['', ...value.map(each => `  ${described(each)}`)].join('\n')
    return [`${name}=${value === null || Buffer.isBuffer(value) ? shown(value) : value}`]
  })
  return [NAMES[op.type], ...parts].join(' ')
}

/** What a client sends on one connection, and what it is answered, frame by frame, for people. */
export class Dialogue {
  #greeted = false
  #welcomed = false
  readonly #asked = new Map<number, { readonly name: string; readonly at: number }>()

  request(frame: Buffer): string {
    if (!this.#greeted) {
      this.#greeted = true
      const { session, timeout, lastZxid } = readHandshake(frame)
      return `connect session=0x${session.toString(16)} timeout=${timeout} lastZxid=0x${lastZxid.toString(16)}`
    }
    const request = readRequest(frame)
    const xid = frame.readInt32BE(0)
    const type = frame.readInt32BE(4)
    this.#asked.set(xid, { name: NAMES[type] ?? `type ${type}`, at: performance.now() })
    return `#${xid} ${request === undefined ? `type ${type}` : described(request)} (${frame.length} bytes)`
  }

  reply(frame: Buffer): string {
    if (!this.#welcomed) {
      this.#welcomed = true
      const session = frame.readBigUInt64BE(8)
      return session === 0n ? 'session expired' : `connected session=0x${session.toString(16)}`
    }
    const xid = frame.readInt32BE(0)
    const zxid = `zxid=0x${frame.readBigInt64BE(4).toString(16)}`
    const code = frame.readInt32BE(12)
    if (xid === -1) {
      const length = frame.readInt32BE(24)
      return `event type=${frame.readInt32BE(16)} ${frame.toString('utf8', 28, 28 + length)}`
    }
    const asked = this.#asked.get(xid)
    this.#asked.delete(xid)
    const took =
      asked === undefined ? '' : ` ${asked.name} after ${(performance.now() - asked.at).toFixed(1)} ms`
    return `#${xid}${took} ${code === 0 ? 'ok' : codeName(code)} ${zxid} (${frame.length} bytes)`
  }
}
