import { type Asked, framed, int, long } from '../../zookeeper/scripted-server.ts'

/*
 * Answers of a scripted server, in ZooKeeper's protocol.
 */

const CREATE = 1
export const GET_DATA = 4
const SET_DATA = 5
const GET_CHILDREN = 8
const MULTI = 14
export const MULTI_READ = 22
export const AUTH = 100
export const ADD_WATCH = 106

const stat = (version: number, mzxid = 5n): Buffer =>
  Buffer.concat([
    long(5n),
    long(mzxid),
    long(0n),
    long(0n),
    int(version, 0, 0),
    long(0n),
    int(1, 0),
    long(0n),
  ])

const data = (value: Buffer, mzxid?: bigint): Buffer =>
  Buffer.concat([int(value.length), value, stat(0, mzxid)])
const part = (type: number, body: Buffer): Buffer =>
  Buffer.concat([int(type), Buffer.from([0]), int(-1), body])
const children = Buffer.concat([int(1, 1), Buffer.from('k')])
const end = Buffer.concat([int(-1), Buffer.from([1]), int(-1)])

/** The types of the operations of a multi or multiRead. */
function operations({ body }: Asked): number[] {
  const types: number[] = []
  let at = 0
  const skip = () => {
    at += 4 + body.readInt32BE(at)
  }
  for (let type = body.readInt32BE(at); type !== -1; type = body.readInt32BE(at)) {
    types.push(type)
    at += 9
    skip()
    if (type === GET_DATA || type === GET_CHILDREN) at += 1
    else if (type === CREATE) {
      skip()
      const entries = body.readInt32BE(at)
      at += 4
      for (let i = 0; i < entries; i++) {
        at += 4
        skip()
        skip()
      }
      at += 4
    } else {
      if (type === SET_DATA) skip()
      at += 4
    }
  }
  return types
}

function resultOf(type: number, value: Buffer, mzxid?: bigint): Buffer {
  if (type === GET_DATA) return part(type, data(value, mzxid))
  if (type === GET_CHILDREN) return part(type, children)
  if (type === SET_DATA) return part(type, stat(1))
  return part(type, type === CREATE ? int(0) : Buffer.alloc(0))
}

/** Answers every read, one or many, with `value`, last written at `mzxid`, everything else with success. */
export function oblige(asked: Asked, value: Buffer = Buffer.from('"v"'), mzxid?: bigint): void {
  if (asked.type === GET_DATA) asked.reply(0, data(value, mzxid))
  else if (asked.type === MULTI_READ || asked.type === MULTI) {
    const results = operations(asked).map(type => resultOf(type, value, mzxid))
    asked.reply(0, Buffer.concat([...results, end]))
  } else if (asked.type === GET_CHILDREN) asked.reply(0, children)
  else asked.reply(0)
}

/** A watch event: the data of `path` changed. */
export const changed = (path: string): Buffer =>
  framed(int(-1), long(-1n), int(0), int(3, 3, path.length), Buffer.from(path))
