import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** What a client sent, after the handshake. */
export interface Asked {
  readonly xid: number
  readonly type: number
  readonly body: Buffer
  readonly socket: Socket
  /** Answers it; `body` where there is no error. */
  reply(error: number, body?: Buffer, zxid?: number): void
}

/** What a client asked for in its handshake. */
export interface Greeting {
  readonly lastZxid: bigint
  readonly timeout: number
  readonly sessionId: bigint
  readonly socket: Socket
  /** Opens the session, or with a timeout of 0 says that it is expired. */
  accept(timeout?: number, sessionId?: bigint): void
}

export interface Script {
  greet?(greeting: Greeting): void
  answer?(asked: Asked): void
}

const PING = -2
const AUTH = -4
const EXISTS = 3
const NO_NODE = -101

export const int = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeInt32BE(value, 4 * i)
  return bytes
}

export const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

export const framed = (...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([int(body.length), body])
}

/** The body of the one read of the root `/` that opens a session, and its answer: its keys are in no buckets. */
const ROOT_CHECK = Buffer.concat([
  int(4),
  Buffer.from([0]),
  int(-1, 1),
  Buffer.from('/\0'),
  int(-1),
  Buffer.from([1]),
  int(-1),
])
const RECORD = Buffer.from('{"rxkeeper":{"buckets":0}}')
const ROOT_RECORD = Buffer.concat([
  int(4),
  Buffer.from([0]),
  int(-1, RECORD.length),
  RECORD,
  Buffer.alloc(68),
  int(-1),
  Buffer.from([1]),
  int(-1),
])

/**
 * A server that says what a test tells it to, in ZooKeeper's protocol. Pings and credentials it accepts by itself, and
 * that the root is there, without buckets, it says by itself.
 */
export class ScriptedServer implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  script: Script
  connections = 0

  private constructor(server: Server, script: Script) {
    this.#server = server
    this.script = script
    server.on('connection', socket => this.#serve(socket))
  }

  static async start(script: Script = {}): Promise<ScriptedServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ScriptedServer(server, script)
  }

  get servers(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Breaks all connections. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    let greeted = false
    let bytes = Buffer.alloc(0)
    socket.on('data', chunk => {
      bytes = Buffer.concat([bytes, chunk])
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
        const frame = bytes.subarray(4, 4 + bytes.readInt32BE(0))
        bytes = bytes.subarray(4 + frame.length)
        if (greeted) this.#answer(socket, frame)
        else this.#greet(socket, frame)
        greeted = true
      }
    })
  }

  #greet(socket: Socket, frame: Buffer): void {
    const greeting: Greeting = {
      lastZxid: frame.readBigInt64BE(4),
      timeout: frame.readInt32BE(12),
      sessionId: frame.readBigInt64BE(16),
      socket,
      accept(timeout = greeting.timeout, sessionId = 0x100n) {
        socket.write(framed(int(0, timeout), long(timeout > 0 ? sessionId : 0n), int(16), Buffer.alloc(16)))
      },
    }
    if (this.script.greet === undefined) greeting.accept()
    else this.script.greet(greeting)
  }

  #answer(socket: Socket, frame: Buffer): void {
    const asked: Asked = {
      xid: frame.readInt32BE(0),
      type: frame.readInt32BE(4),
      body: frame.subarray(8),
      socket,
      reply(error, body = Buffer.alloc(0), zxid = 1) {
        socket.write(framed(int(asked.xid), long(BigInt(zxid)), int(error), body))
      },
    }
    // The watch that tells of a root that is made anew.
    if (asked.type === EXISTS) asked.reply(NO_NODE)
    else if (asked.body.equals(ROOT_CHECK)) asked.reply(0, ROOT_RECORD)
    else if (asked.xid === PING || (asked.xid === AUTH && this.script.answer === undefined)) asked.reply(0)
    else this.script.answer?.(asked)
  }
}
