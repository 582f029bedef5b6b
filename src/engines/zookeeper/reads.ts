import type { Subscriber } from 'rxjs'
import type { Stored } from '../../engine.ts'
import { KVError } from '../../errors.ts'
import type { Call, Calls } from './calls.ts'
import { failure } from './failures.ts'
import type { PacketLimit } from './packet-limit.ts'
import type { Layout } from './paths.ts'
import { Code, Op } from './protocol.ts'
import { type Node, readListings, readNodes } from './replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiReadBytes, multiReadFrame, syncFrame } from './requests.ts'
import type { Root } from './root.ts'
import type { Send } from './send.ts'

/** What reads and writes of an engine share. */
export interface Room {
  readonly calls: Calls
  readonly layout: Layout
  readonly root: Root
  readonly acl: Buffer
  readonly packetLimit: PacketLimit
  /** Whether reads go after a `sync`. */
  readonly linearizable: boolean
  readonly replySize: ReplySize
  /** Sends what belongs to no call. */
  readonly sendAside: Send
}

/** How many bytes one reply should have at most, so that large values do not pile up. */
const REPLY_BYTES = 4_194_304
/** How much one more reply counts in the average. */
const WEIGHT = 0.5

/** Learns how large values are, to tell how many to ask for at a time. */
export class ReplySize {
  // Careful until something was seen.
  #average = REPLY_BYTES / 32

  /** How many nodes one request should ask for, of at most `most`. */
  count(most: number): number {
    return Math.max(1, Math.min(most, Math.floor(REPLY_BYTES / this.#average)))
  }

  seen(bytes: number, nodes: number): void {
    this.#average += (bytes / nodes - this.#average) * WEIGHT
  }
}

/** A read of many nodes. */
export interface Reading<R> {
  /** Whose it is; it proceeds anew where an answer is lost. */
  readonly call: Call
  readonly paths: readonly string[]
  /** Whether a `sync` travels right ahead of it. */
  readonly sync: boolean
  /** How many nodes to ask for in one request, at most, beside what fits in one. */
  readonly most?: () => number
  /** What each path has, or its error code. */
  done(results: (R | number)[]): void
  failed(error: number): void
}

/** Reads the data of nodes. */
export function readData(room: Room, reading: Reading<Node>): void {
  const { replySize } = room
  read(room, reading, Op.getData, (reply, count) => {
    replySize.seen(reply.length, count)
    return readNodes(reply, count)
  })
}

/** Reads the names of the children of nodes. */
export const readChildren = (room: Room, reading: Reading<string[]>): void =>
  read(room, reading, Op.getChildren, readListings)

/** One request after the other, where one is not enough. */
function read<R>(
  { calls, layout, packetLimit }: Room,
  { call, paths, sync, most, done, failed }: Reading<R>,
  type: typeof Op.getData | typeof Op.getChildren,
  decode: (reply: Buffer, count: number) => (R | number)[],
): void {
  let results: (R | number)[] | undefined
  let syncError: number = Code.ok
  const lost = () => calls.resume(call)
  const received = (some: (R | number)[]): void => {
    results = results === undefined ? some : results.concat(some)
    if (results.length === paths.length) done(results)
    else next()
  }
  const next = (): void => {
    const from = results === undefined ? 0 : results.length
    const end = most === undefined ? paths.length : Math.min(paths.length, from + most())
    let bytes = COUNTED_HEADER + MULTI_HEADER
    let to = from
    while (to < end) {
      bytes += multiReadBytes(paths[to]!)
      if (bytes > packetLimit.bytes) break
      to++
    }
    if (to === from) {
      // It has no place on this server: a request that makes a node is larger than one that reads it.
      received([Code.noNode])
      return
    }
    const part = from === 0 && to === paths.length ? paths : paths.slice(from, to)
    const replied = (error: number, _zxid: number, reply: Buffer) => {
      const failure = syncError === Code.ok ? error : syncError
      if (failure === Code.throttled) return calls.pause(call)
      if (failure !== Code.ok) return failed(failure)
      received(decode(reply, part.length))
    }
    calls.send(call, Op.multiRead, multiReadFrame(part, type), replied, lost)
  }
  if (sync) {
    const replied = (error: number) => {
      syncError = error
    }
    calls.send(call, Op.sync, syncFrame(layout.root), replied, () => {})
  }
  next()
}

/**
 * Gives an answer once the root is known to be laid out as we think, or not to be there: it was looked for in the right
 * place. Where that cannot be found out now, the call proceeds anew.
 */
export function confirmed(
  { root, calls, sendAside }: Room,
  call: Call,
  give: () => void,
  failed: (error: KVError) => void,
): void {
  if (root.verified) {
    give()
    return
  }
  root.look(sendAside, end => {
    if (!calls.isActive(call)) return
    // Changes may have been signalled since the answer came. It is out of date, unless there still is no root.
    if (end === 'done' && !root.verified) give()
    else if (end === 'done') calls.resume(call)
    else if (end === 'throttled') calls.pause(call)
    else if (end === 'lost') calls.resume(call)
    else failed(end)
  })
}

/**
 * Reads some keys, in one request: what is in the answer to the first of several could have been overtaken by a change
 * that is signalled before the last. A read whose answer was lost is simply repeated.
 */
export class ReadCall implements Call {
  readonly deadline: number
  readonly #room: Room
  readonly #keys: readonly string[]
  readonly #paths: string[]
  readonly #subscriber: Subscriber<readonly (Stored | undefined | KVError)[]>

  constructor(
    room: Room,
    keys: readonly string[],
    deadline: number,
    subscriber: Subscriber<readonly (Stored | undefined | KVError)[]>,
  ) {
    this.#room = room
    this.#keys = keys
    this.#paths = keys.map(key => room.layout.pathOf(key))
    this.deadline = deadline
    this.#subscriber = subscriber
  }

  proceed(): void {
    if (this.#keys.length === 0) {
      this.#settle([])
      return
    }
    const room = this.#room
    readData(room, {
      call: this,
      paths: this.#paths,
      sync: room.linearizable,
      done: nodes =>
        confirmed(
          room,
          this,
          () => this.#settle(this.#results(nodes)),
          error =>
            this.#settle(
              this.#keys.map(key => new KVError(error.code, error.message, { key, cause: error.cause })),
            ),
        ),
      failed: error => {
        room.calls.finish(this)
        this.#subscriber.error(failure(error, 'read'))
      },
    })
  }

  abandon(reason: KVError): void {
    this.#subscriber.error(
      new KVError(reason.code, `read of ${this.#keys.length} keys: ${reason.message}`, {
        cause: reason.cause,
      }),
    )
  }

  #settle(results: (Stored | undefined | KVError)[]): void {
    this.#room.calls.finish(this)
    this.#subscriber.next(results)
    this.#subscriber.complete()
  }

  /** In place: most nodes are there, and are what is stored. */
  #results(nodes: (Node | number)[]): (Stored | undefined | KVError)[] {
    const results: (Stored | undefined | KVError | number)[] = nodes
    for (let i = 0; i < results.length; i++) {
      const code = results[i]
      if (typeof code !== 'number') continue
      results[i] = code === Code.noNode ? undefined : failure(code, 'read', this.#keys[i]!)
    }
    return results as (Stored | undefined | KVError)[]
  }
}
