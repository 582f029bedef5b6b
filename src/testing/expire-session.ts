import { once } from 'node:events'
import { connect } from 'node:net'
import { type Address, fourLetterWord } from './four-letter.ts'

const CLOSE_SESSION = -11

/** The bytes of java.util.Random(seed).nextBytes(length). */
function javaRandomBytes(seed: bigint, length: number): Buffer {
  const mask = (1n << 48n) - 1n
  const bytes = Buffer.alloc(length)
  let state = (seed ^ 0x5deece66dn) & mask
  for (let offset = 0; offset < length; offset += 4) {
    state = (state * 0x5deece66dn + 0xbn) & mask
    bytes.writeUInt32LE(Number(state >> 16n), offset)
  }
  return bytes
}

/** ZooKeeper makes the password of a session from its id and a constant. */
const passwordOf = (sessionId: bigint): Buffer =>
  javaRandomBytes(BigInt.asUintN(64, sessionId) ^ 0xb3415c00n, 16)

const framed = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function connectRequest(sessionId: bigint): Buffer {
  const body = Buffer.alloc(45)
  body.writeInt32BE(30_000, 12) // the session timeout; before it the protocol version and the last zxid, both 0
  body.writeBigUInt64BE(BigInt.asUintN(64, sessionId), 16)
  body.writeInt32BE(16, 24)
  passwordOf(sessionId).copy(body, 28)
  return framed(body)
}

const closeRequest = (): Buffer => {
  const body = Buffer.alloc(8)
  body.writeInt32BE(1, 0)
  body.writeInt32BE(CLOSE_SESSION, 4)
  return framed(body)
}

/** The ids of the sessions that are connected to the server at `address`. */
export async function sessionsOf(address: Address): Promise<bigint[]> {
  const connections = await fourLetterWord(address, 'cons')
  return Array.from(connections.matchAll(/sid=0x([0-9a-f]+)/g), match => BigInt(`0x${match[1]}`))
}

/**
 * Ends a session as its expiry does: connects with the session's id and password and closes it. Its client is cut off,
 * and told that the session has expired when it comes back. Gives whether there was such a session.
 */
export async function endSession({ host, port }: Address, sessionId: bigint): Promise<boolean> {
  const socket = connect(port, host)
  socket.setTimeout(10_000, () => socket.destroy(new Error(`${host}:${port} did not answer in 10 s`)))
  try {
    await once(socket, 'connect')
    socket.write(connectRequest(sessionId))
    const answer: Buffer[] = []
    let existed: boolean | undefined
    // The server closes the connection: at once when there is no such session, else after the closing.
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (existed !== undefined) continue
      answer.push(chunk)
      const bytes = Buffer.concat(answer)
      if (bytes.length < 20) continue
      existed = bytes.readBigInt64BE(12) !== 0n
      if (!existed) return false
      socket.write(closeRequest())
    }
    if (existed === undefined) throw new Error(`${host}:${port} closed the connection without an answer`)
    return existed
  } finally {
    socket.destroy()
  }
}
