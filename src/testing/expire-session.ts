import { once } from 'node:events'
import { type Address, connectTo, fourLetterWord } from './four-letter.ts'

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

/** The ids of the sessions connected to the server at `address`; with `ports`, only those from these ports. */
export async function sessionsOf(address: Address, ports?: readonly number[]): Promise<bigint[]> {
  const connections = await fourLetterWord(address, 'cons')
  const sessions = Array.from(connections.matchAll(/:(\d+)\[.*sid=0x([0-9a-f]+)/g), ([, port, id]) => ({
    port: Number(port),
    id: BigInt(`0x${id}`),
  }))
  return sessions.flatMap(({ port, id }) => (ports === undefined || ports.includes(port) ? id : []))
}

/** Tries it once: the session was `closed`, does not exist, or the connection was `lost` before that was certain. */
async function closeOnce(address: Address, sessionId: bigint): Promise<'closed' | 'absent' | 'lost'> {
  const { host, port } = address
  const socket = connectTo(address)
  socket.setTimeout(10_000, () => socket.destroy(new Error(`${host}:${port} did not answer in 10 s`)))
  try {
    await once(socket, 'connect')
    // In one write: as soon as the server sees the first request it drops the client, which may reconnect at once.
    socket.write(Buffer.concat([connectRequest(sessionId), closeRequest()]))
    let answer = Buffer.alloc(0)
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      answer = Buffer.concat([answer, chunk])
      if (answer.length >= 20 && answer.readBigInt64BE(12) === 0n) return 'absent'
      // The header of the second answer ends with the error code: "session moved" if the client was faster.
      const header = answer.length < 4 ? Number.POSITIVE_INFINITY : 4 + answer.readInt32BE(0) + 4
      if (answer.length >= header + 16) return answer.readInt32BE(header + 12) === 0 ? 'closed' : 'lost'
    }
    return 'lost'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return 'lost'
    throw error
  } finally {
    socket.destroy()
  }
}

/**
 * Ends a session as its expiry would: connects with its id and password, and closes it. The client is cut off, and
 * learns that the session has expired when it reconnects. Returns whether the session existed.
 */
export async function endSession(address: Address, sessionId: bigint): Promise<boolean> {
  // Until it is gone: a client that reconnected just before the close does not notice it, but the next try cuts it off.
  for (let existed = false; ; existed = true) {
    if ((await closeOnce(address, sessionId)) === 'absent') return existed
  }
}
