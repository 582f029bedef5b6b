import type { Subscriber } from 'rxjs'
import type { Stored } from '../../engine.ts'
import { KVError } from '../../errors.ts'
import type { Call, Calls } from './calls.ts'
import { failure } from './failures.ts'
import type { Layout } from './paths.ts'
import { Code, Op } from './protocol.ts'
import { type Node, readNodes } from './replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiReadBytes, multiReadFrame, syncFrame } from './requests.ts'
import type { Root } from './root.ts'

/** What reads and writes of an engine share. */
export interface Room {
  readonly calls: Calls
  readonly layout: Layout
  readonly root: Root
  readonly acl: Buffer
  readonly maxPacketBytes: number
  /** Whether reads go after a `sync`. */
  readonly linearizable: boolean
  readonly replySize: ReplySize
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

/**
 * Reads the nodes of `paths` for `call`, at most so many in one request as `most` says, one request after the other; after
 * a `sync` where asked for, which travels right ahead of them.
 */
export function readPaths(
  room: Room,
  call: Call,
  paths: readonly string[],
  sync: boolean,
  most: () => number,
  done: (nodes: (Node | number)[]) => void,
  failed: (error: number) => void,
  lost: () => void,
): void {
  const { calls, replySize, layout, maxPacketBytes } = room
  let nodes: (Node | number)[] | undefined
  let syncError: number = Code.ok
  const read = (): void => {
    const from = nodes === undefined ? 0 : nodes.length
    const end = Math.min(paths.length, from + most())
    let bytes = COUNTED_HEADER + MULTI_HEADER
    let to = from
    while (to < end) {
      bytes += multiReadBytes(paths[to]!)
      if (to > from && bytes > maxPacketBytes) break
      to++
    }
    const part = from === 0 && to === paths.length ? paths : paths.slice(from, to)
    const replied = (error: number, _zxid: number, reply: Buffer) => {
      const failure = syncError === Code.ok ? error : syncError
      if (failure === Code.throttled) return calls.pause(call)
      if (failure !== Code.ok) return failed(failure)
      const found = readNodes(reply, part.length)
      replySize.seen(reply.length, part.length)
      nodes = nodes === undefined ? found : nodes.concat(found)
      if (nodes.length === paths.length) done(nodes)
      else read()
    }
    calls.send(call, Op.multiRead, multiReadFrame(part), replied, lost)
  }
  if (sync) {
    const replied = (error: number) => {
      syncError = error
    }
    calls.send(call, Op.sync, syncFrame(layout.root), replied, () => {})
  }
  read()
}

const ALL = () => Number.POSITIVE_INFINITY

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
    readPaths(
      room,
      this,
      this.#paths,
      room.linearizable,
      ALL,
      nodes => this.#settle(this.#results(nodes)),
      error => {
        room.calls.finish(this)
        this.#subscriber.error(failure(error, 'read'))
      },
      () => room.calls.resume(this),
    )
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
