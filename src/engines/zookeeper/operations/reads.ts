import type { Subscriber } from 'rxjs'
import type { KVError } from '../../../base/errors.ts'
import type { Stored } from '../../../contract/engine.ts'
import { failure } from '../wire/failures.ts'
import { Code, Op } from '../wire/protocol.ts'
import { type Node, readEphemeral, readListings, readNodes } from '../wire/replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiReadBytes, multiReadFrame, syncFrame } from '../wire/requests.ts'
import type { Context } from './context.ts'
import type { Task } from './tasks.ts'

/** A read of many nodes. */
export interface NodeRead<R> {
  /** The task that it belongs to, which proceeds again if an answer is lost. */
  readonly task: Task
  readonly paths: readonly string[]
  /** Whether to send a `sync` right before it. */
  readonly sync: boolean
  /** The most nodes in one request, besides the size limit. */
  readonly most?: () => number
  /** Called with the result for each path, or its error code. */
  done(results: (R | number)[]): void
  failed(error: number): void
}

/** Reads the data of nodes. */
export function readData(context: Context, reading: NodeRead<Node>): void {
  const { replySize } = context
  read(context, reading, Op.getData, (reply, count) => {
    replySize.seen(reply.length, count)
    return readNodes(reply, count)
  })
}

/** Reads the data of nodes, as it is stored: `undefined` for those that end with a session. */
export const readLasting = (context: Context, reading: NodeRead<Node | undefined>): void =>
  read(context, reading, Op.getData, (reply, count) => {
    const ephemeral = readEphemeral(reply, count)
    return readNodes(reply, count).map((node, i) => (ephemeral[i] ? undefined : node))
  })

/** Reads the names of the children of nodes. */
export const readChildren = (context: Context, reading: NodeRead<string[]>): void =>
  read(context, reading, Op.getChildren, readListings)

/** Sends requests one after the other, if one is not enough. */
function read<R>(
  { tasks, layout, packetLimit }: Context,
  { task, paths, sync, most, done, failed }: NodeRead<R>,
  type: typeof Op.getData | typeof Op.getChildren,
  decode: (reply: Buffer, count: number) => (R | number)[],
): void {
  let results: (R | number)[] | undefined
  let syncError: number = Code.ok
  const lost = () => tasks.resume(task)
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
      // It cannot exist on this server: creating a node takes a larger request than reading it.
      received([Code.noNode])
      return
    }
    const part = from === 0 && to === paths.length ? paths : paths.slice(from, to)
    const replied = (error: number, _zxid: number, reply: Buffer) => {
      const failure = syncError === Code.ok ? error : syncError
      if (failure === Code.throttled) return tasks.pause(task)
      if (failure !== Code.ok) return failed(failure)
      received(decode(reply, part.length))
    }
    tasks.send(task, Op.multiRead, multiReadFrame(part, type), replied, lost)
  }
  if (sync) {
    const replied = (error: number) => {
      syncError = error
    }
    tasks.send(task, Op.sync, syncFrame(layout.root), replied, () => {})
  }
  next()
}

/**
 * Passes an answer on once the root is known to have our layout, or to be absent, so that we looked in the right place.
 * If that cannot be found out now, the task proceeds again.
 */
export function confirmed(
  { root, tasks, sendAside }: Context,
  task: Task,
  give: () => void,
  failed: (error: KVError) => void,
): void {
  if (root.verified) {
    give()
    return
  }
  root.look(sendAside, end => {
    if (!tasks.isActive(task)) return
    // Changes may have been signalled since the answer, which is then out of date, unless there is still no root.
    if (end === 'done' && !root.verified) give()
    else if (end === 'done') tasks.resume(task)
    else if (end === 'throttled') tasks.pause(task)
    else if (end === 'lost' || end === 'held') tasks.resume(task)
    else failed(end)
  })
}

/**
 * Reads some keys in a single request: with several, the first answer could be outdated by a change signalled before
 * the last one. A read whose answer was lost is simply repeated.
 */
export class ReadTask implements Task {
  readonly deadline: number
  readonly #context: Context
  readonly #keys: readonly string[]
  readonly #paths: string[]
  readonly #subscriber: Subscriber<readonly (Stored | undefined | KVError)[]>

  constructor(
    context: Context,
    keys: readonly string[],
    deadline: number,
    subscriber: Subscriber<readonly (Stored | undefined | KVError)[]>,
  ) {
    this.#context = context
    this.#keys = keys
    this.#paths = keys.map(key => context.layout.pathOf(key))
    this.deadline = deadline
    this.#subscriber = subscriber
  }

  proceed(): void {
    if (this.#keys.length === 0) {
      this.#settle([])
      return
    }
    const context = this.#context
    const { root, layout, linearizable } = context
    // Until the root is known, it is read last in the same request: if it is absent, nothing was below it, and the
    // answer is valid, whatever this session has requested meanwhile.
    const alsoRoot = !root.verified
    readData(context, {
      task: this,
      paths: alsoRoot ? [...this.#paths, layout.root] : this.#paths,
      sync: linearizable,
      done: nodes => {
        if (alsoRoot && nodes.pop() === Code.noNode) {
          this.#settle(this.#results(nodes))
          return
        }
        confirmed(
          context,
          this,
          () => this.#settle(this.#results(nodes)),
          error => this.#settle(this.#keys.map(key => error.of(key))),
        )
      },
      failed: error => {
        context.tasks.finish(this)
        this.#subscriber.error(failure(error, 'read'))
      },
    })
  }

  abandon(reason: KVError): void {
    this.#subscriber.error(reason.of(undefined, `read of ${this.#keys.length} keys: ${reason.message}`))
  }

  #settle(results: (Stored | undefined | KVError)[]): void {
    this.#context.tasks.finish(this)
    this.#subscriber.next(results)
    this.#subscriber.complete()
  }

  /** In place: most nodes exist, and are the result. */
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
