import type { JuteReader } from './jute.ts'
import { Op } from './protocol.ts'

/** The stat of a node, without its times. */
export interface RawStat {
  readonly czxid: number
  readonly mzxid: number
  readonly version: number
  readonly cversion: number
  readonly aversion: number
  readonly ephemeral: boolean
  readonly dataLength: number
  readonly children: number
  readonly pzxid: number
}

/** The result of one operation. */
export interface RawResult {
  readonly type: number
  readonly code?: number
  readonly path?: string
  readonly data?: string | null
  readonly children?: readonly string[]
  readonly stat?: RawStat
}

/** An answer to a request: its zxid, its code, and a result for each operation. */
export interface Answer {
  readonly zxid: number
  readonly code: number
  readonly results: readonly RawResult[]
}

function readStat(reader: JuteReader): RawStat {
  const czxid = reader.long()
  const mzxid = reader.long()
  reader.long()
  reader.long()
  const version = reader.int()
  const cversion = reader.int()
  const aversion = reader.int()
  const ephemeral = reader.raw(8).some(byte => byte !== 0)
  const dataLength = reader.int()
  const children = reader.int()
  const pzxid = reader.long()
  return { czxid, mzxid, version, cversion, aversion, ephemeral, dataLength, children, pzxid }
}

function readResult(type: number, reader: JuteReader): RawResult {
  switch (type) {
    case Op.create:
    case Op.sync:
      return { type, path: reader.string() }
    case Op.create2:
      return { type, path: reader.string(), stat: readStat(reader) }
    case Op.setData:
    case Op.exists:
      return { type, stat: readStat(reader) }
    case Op.getData: {
      const data = reader.buffer()
      return { type, data: data === null ? null : data.toString('latin1'), stat: readStat(reader) }
    }
    case Op.getChildren:
    case Op.getChildren2: {
      // Sorted, since the server's order is arbitrary.
      const children = reader.vector(() => reader.string()).sort()
      return type === Op.getChildren2 ? { type, children, stat: readStat(reader) } : { type, children }
    }
    case Op.error:
      return { type, code: reader.int() }
    default:
      return { type }
  }
}

export function readAnswer(
  request: { readonly type: number },
  zxid: number,
  code: number,
  reader: JuteReader,
): Answer {
  if (code !== 0) return { zxid, code, results: [] }
  if (request.type !== Op.multi && request.type !== Op.multiRead) {
    return { zxid, code, results: [readResult(request.type, reader)] }
  }
  const results: RawResult[] = []
  for (;;) {
    const type = reader.int()
    const done = reader.bool()
    const error = reader.int()
    if (done) return { zxid, code, results }
    results.push({ ...readResult(type, reader), code: error })
  }
}
