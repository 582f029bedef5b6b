import { connect, type Socket } from 'node:net'

/*
 * A client that costs nothing: frames built beforehand, replies counted and thrown away. What it reaches is what the
 * server can answer, and the limit of any client that sends the same requests.
 */

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const text = (value: string): Buffer => Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)])
const framed = (...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([int(body.length), body])
}
const multiHeader = (type: number): Buffer => Buffer.concat([int(type), Buffer.from([0]), int(-1)])
const MULTI_END = Buffer.concat([int(-1), Buffer.from([1]), int(-1)])
const SESSION_TIMEOUT = 12_000
const PING_XID = -2
const EVENT_XID = -1
const PING = framed(int(PING_XID), int(11))
/** The length, number, zxid and error code of a reply; then the type of its first result. */
const HEADER = 20
const KEPT = 24
const ERROR = -1
const MULTI_READ = 22
const MULTI = 14
const GET_DATA = 4
const SET_DATA = 5
const ADD_WATCH = 106
const RECURSIVE = 1

/** One `getData` for each path. */
export const readFrame = (paths: readonly string[]): Buffer =>
  framed(
    int(1),
    int(MULTI_READ),
    ...paths.flatMap(path => [multiHeader(GET_DATA), text(path), Buffer.from([0])]),
    MULTI_END,
  )

/** One `setData`, of any version, for each path. */
export const writeFrame = (paths: readonly string[], value: Buffer): Buffer =>
  framed(
    int(1),
    int(MULTI),
    ...paths.flatMap(path => [multiHeader(SET_DATA), text(path), int(value.length), value, int(-1)]),
    MULTI_END,
  )

/** Cuts the paths into frames. */
export function framesOf(
  paths: readonly string[],
  size: number,
  frame: (paths: string[]) => Buffer,
): Buffer[] {
  const frames: Buffer[] = []
  for (let i = 0; i < paths.length; i += size) frames.push(frame(paths.slice(i, i + size)))
  return frames
}

/** A session on a bare socket. */
export class Wire {
  readonly #socket: Socket
  readonly #ping: NodeJS.Timeout
  /** Who waits for a reply, in order; each is told whether the request was refused. */
  readonly #waiting: ((refused: boolean) => void)[] = []
  #onEvent: () => void = () => {}
  #left = 0
  /** How the reply that is coming begins, and how much of that is here. */
  readonly #start = Buffer.alloc(KEPT)
  #kept = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    // Nothing else keeps the session alive while others are measured.
    this.#ping = setInterval(() => socket.write(PING), SESSION_TIMEOUT / 4)
  }

  static async connect(servers: string): Promise<Wire> {
    const [host, port] = servers.split(',')[0]!.split(':')
    const socket = connect({ host: host!, port: Number(port), noDelay: true })
    const wire = new Wire(socket)
    socket.write(
      framed(int(0), int(0), int(0), int(SESSION_TIMEOUT), int(0), int(0), int(16), Buffer.alloc(16)),
    )
    await new Promise<Buffer>((resolve, reject) => {
      socket.once('data', resolve)
      socket.once('error', reject)
    })
    socket.on('data', chunk => wire.#read(chunk))
    return wire
  }

  /** Sends the frames, `limit` at a time; settles when all are answered, and fails where one was refused. */
  sendAll(frames: readonly Buffer[], limit: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (frames.length === 0) return resolve()
      let sent = 0
      let answered = 0
      let refusals = 0
      const cut = () => reject(new Error('the server closed the connection'))
      this.#socket.once('close', cut)
      const send = () => {
        if (sent < frames.length) this.#send(frames[sent++]!, answer)
      }
      const answer = (refused: boolean) => {
        if (refused) refusals++
        if (++answered < frames.length) return send()
        this.#socket.off('close', cut)
        if (refusals > 0) reject(new Error('refused'))
        else resolve()
      }
      for (let i = 0; i < limit; i++) send()
    })
  }

  /** Calls `changed` for each change at or below `path` from now on. */
  async watch(path: string, changed: () => void): Promise<void> {
    this.#onEvent = changed
    await this.sendAll([framed(int(1), int(ADD_WATCH), text(path), int(RECURSIVE))], 1)
  }

  close(): void {
    clearInterval(this.#ping)
    this.#socket.destroy()
  }

  #send(frame: Buffer, answered: (refused: boolean) => void): void {
    this.#waiting.push(answered)
    this.#socket.write(frame)
  }

  /** Finds the ends of the replies, whose length comes first, and keeps how they begin. */
  #read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      const wanted = this.#kept < HEADER ? HEADER : Math.min(KEPT, 4 + this.#start.readInt32BE(0))
      if (this.#kept < wanted) {
        const taken = chunk.copy(this.#start, this.#kept, at, at + wanted - this.#kept)
        this.#kept += taken
        at += taken
        if (this.#kept === HEADER) this.#left = this.#start.readInt32BE(0) - 16
        else this.#left -= taken
      } else {
        const taken = Math.min(this.#left, chunk.length - at)
        this.#left -= taken
        at += taken
      }
      if (this.#kept >= HEADER && this.#left === 0) {
        this.#kept = 0
        const xid = this.#start.readInt32BE(4)
        if (xid === EVENT_XID) this.#onEvent()
        else if (xid !== PING_XID) this.#waiting.shift()!(this.#refused)
      }
    }
  }

  /** A multi that was not carried out says so in its first result. */
  get #refused(): boolean {
    return this.#start.readInt32BE(16) !== 0 || this.#start.readInt32BE(20) === ERROR
  }
}

const CREATE = 1
const DELETE = 2
/** Everybody may do everything. */
const OPEN_ACL = Buffer.concat([int(1), int(31), text('world'), text('anyone')])

/** One `create` for each path. */
export const createFrame = (paths: readonly string[], value: Buffer): Buffer =>
  framed(
    int(1),
    int(MULTI),
    ...paths.flatMap(path => [multiHeader(CREATE), text(path), int(value.length), value, OPEN_ACL, int(0)]),
    MULTI_END,
  )

/** One `delete`, of any version, for each path. */
export const deleteFrame = (paths: readonly string[]): Buffer =>
  framed(int(1), int(MULTI), ...paths.flatMap(path => [multiHeader(DELETE), text(path), int(-1)]), MULTI_END)
