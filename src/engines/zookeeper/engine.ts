import { Observable } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Timing } from '../../base/timing.ts'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Movable,
  Nodes,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  WriteDue,
  Written,
} from '../../contract/engine.ts'
import { KeyLayout } from './layout/key-layout.ts'
import { Children } from './operations/children.ts'
import type { WriteContext } from './operations/context.ts'
import { ExistenceEstimate } from './operations/existence-estimate.ts'
import { limitsOf } from './operations/limits.ts'
import { NodeTreeTask } from './operations/node-tree.ts'
import type { WritesEnd } from './operations/pending-writes.ts'
import { Protections } from './operations/protections.ts'
import { ReadTask } from './operations/reads.ts'
import { ReplySize } from './operations/reply-size.ts'
import { RootNode } from './operations/root-node.ts'
import { EntryScan, KeyScan } from './operations/scan.ts'
import { Tasks, THROTTLE_PAUSE } from './operations/tasks.ts'
import { RootWatch } from './operations/watch.ts'
import { WriteTask } from './operations/writes.ts'
import { PacketLimit } from './session/packet-limit.ts'
import { Session, type SessionConfig } from './session/session.ts'
import { ofTheProcess, type Surroundings } from './session/surroundings.ts'
import { readEventPath, readEventType } from './wire/replies.ts'

export interface ZooKeeperEngineOptions extends Omit<SessionConfig, 'packetLimit'> {
  /** The node below which the keys are; checked. */
  readonly root: string
  /** How many hash buckets the keys are in; 0: they are children of the root. */
  readonly buckets: number
  /** The access control list of every node created, encoded. */
  readonly acl: Buffer
  /** Whether reads go after a `sync`. */
  readonly linearizable: boolean
  /** The servers' `jute.maxbuffer`, as it is thought to be. */
  readonly maxPacketBytes: number
  /** The name of the run of a move that this is for, which seals do not shut out. */
  readonly mover?: string | undefined
}

/** How long `close` waits for what is under way, in milliseconds. */
const DRAIN_TIMEOUT = 5000

const closed = (): KVError => new KVError('CLOSED', 'the store is closed')

/** The Engine contract on a ZooKeeper session: one znode a key, reads by `multiRead`, writes by `multi`. */
export class ZooKeeperEngine implements Engine {
  readonly name = 'zookeeper'
  readonly limits: EngineLimits
  readonly status$: Observable<Status>
  readonly nodes: Nodes = { children: parent => this.#children.follow(parent) }
  readonly movable: Movable = {
    nodes: ({ deadline }) =>
      new Observable(subscriber =>
        this.#context.tasks.start(new NodeTreeTask(this.#context, deadline, subscriber)),
      ),
  }
  readonly #timing: Timing
  readonly #session: Session
  readonly #watch: RootWatch
  readonly #children: Children
  readonly #context: WriteContext
  #closed: Promise<void> | undefined

  constructor(options: ZooKeeperEngineOptions, surroundings: Surroundings = ofTheProcess) {
    const { acl, linearizable } = options
    const packetLimit = new PacketLimit(options.maxPacketBytes)
    const { timing } = surroundings
    this.#timing = timing
    const layout = new KeyLayout(options.root, options.buckets)
    const replySize = new ReplySize()
    this.limits = limitsOf(layout, acl, packetLimit, replySize)
    this.#session = new Session(
      { ...options, packetLimit },
      {
        // In this order: the watch is armed ahead of the reads and writes that wait.
        connected: () => {
          this.#watch.connected()
          this.#children.connected()
          this.#lookAtRoot()
        },
        disconnected: () => {
          this.#context.tasks.hold()
          this.#context.root.disconnected()
          this.#watch.disconnected()
          this.#children.disconnected()
        },
        event: reply => {
          const path = readEventPath(reply)
          this.#watch.event(path)
          this.#children.event(path)
          if (this.#context.root.event(readEventType(reply), path)) this.#lookAtRoot()
        },
        eventsEnd: () => this.#watch.eventsEnd(),
        failed: error => this.#fail(error),
      },
      surroundings,
    )
    this.status$ = this.#session.status$.asObservable()
    this.#watch = new RootWatch(this.#session, layout, timing)
    this.#children = new Children(this.#session, layout, timing)
    this.#context = {
      session: this.#session,
      tasks: new Tasks(this.#session, timing),
      estimate: new ExistenceEstimate(),
      protections: new Protections(layout, acl, surroundings),
      sendAside: (type, frame, replied, lost = () => {}) =>
        this.#session.send({ type, frame, replied, lost }),
      replySize,
      layout,
      root: new RootNode(
        layout,
        acl,
        packetLimit,
        { refused: error => this.#fail(error), held: reason => this.#context.tasks.hold(reason) },
        options.mover,
      ),
      acl,
      linearizable,
      packetLimit,
    }
    this.#session.start()
  }

  read(keys: readonly string[], { deadline }: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    return new Observable(subscriber =>
      this.#context.tasks.start(new ReadTask(this.#context, keys, deadline, subscriber)),
    )
  }

  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    return this.#write(writes, false, due)
  }

  commit(writes: readonly Write[], { deadline }: Due): Observable<readonly Written[]> {
    const due: WriteDue = { deadline, deadlineOf: () => deadline, settled: () => {} }
    return this.#write(writes, true, due) as Observable<readonly Written[]>
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return new EntryScan(this.#context, span, this.limits)
  }

  keys(span: KeySpan): Scan<string> {
    return new KeyScan(this.#context, span)
  }

  watch(): Observable<WatchSignal> {
    return this.#watch.watch()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { tasks, protections, sendAside } = this.#context
    const timer = this.#timing.after(DRAIN_TIMEOUT, () => tasks.fail(closed()))
    await tasks.close(closed())
    timer.unsubscribe()
    if (this.#session.connected) protections.clear(sendAside)
    this.#watch.end('closed')
    this.#children.end('closed')
    await this.#session.close()
  }

  /**
   * Looks at the root, ahead of everything on a connection, and then lets the tasks go; each meets what is wrong with
   * it.
   */
  #lookAtRoot(): void {
    const { root, tasks, sendAside } = this.#context
    root.look(sendAside, end => {
      if (end === 'throttled') {
        this.#timing.after(THROTTLE_PAUSE, () => this.#session.connected && this.#lookAtRoot())
      } else if (end !== 'lost' && end !== 'held') tasks.admit()
    })
  }

  /** There is no use in trying any more. */
  #fail(error: KVError): void {
    this.#context.tasks.fail(error)
    this.#watch.end(error)
    this.#children.end(error)
  }

  #write(
    writes: readonly Write[],
    atomic: boolean,
    due: WriteDue,
  ): Observable<readonly (Written | KVError)[]> {
    return new Observable(subscriber => {
      const end = (result: WritesEnd) => {
        if (result instanceof KVError) subscriber.error(result)
        else {
          subscriber.next(result)
          subscriber.complete()
        }
      }
      this.#context.tasks.start(new WriteTask(this.#context, writes, atomic, due, end))
    })
  }
}
