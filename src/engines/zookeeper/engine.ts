import { Observable } from 'rxjs'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  Written,
} from '../../engine.ts'
import { KVError } from '../../errors.ts'
import { Calls } from './calls.ts'
import { Guess } from './guess.ts'
import { Marks } from './marks.ts'
import { Layout } from './paths.ts'
import { Op } from './protocol.ts'
import { ReadCall, ReplySize } from './reads.ts'
import { COUNTED_HEADER, MULTI_HEADER, multiOpBytes } from './requests.ts'
import { EntryScan, KeyScan } from './scan.ts'
import { Session, type SessionOptions } from './session.ts'
import { RootWatch } from './watch.ts'
import { WriteCall, type WriteRoom } from './writes.ts'

export interface ZooKeeperEngineOptions extends SessionOptions {
  /** The node whose children the keys are; checked. */
  readonly root: string
  /** The access control list of every node created, encoded. */
  readonly acl: Buffer
  /** Whether reads go after a `sync`. */
  readonly linearizable: boolean
  /** The server's `jute.maxbuffer`. */
  readonly maxPacketBytes: number
}

const READ_BATCH = 256
const WRITE_BATCH = 128
const IN_FLIGHT = 4
/** How long `close` waits for what is under way, in milliseconds. */
const DRAIN_TIMEOUT = 5000
/** Room for a writer mark beside the writes: its operation without root and access control list. */
const MARK_BYTES = 80

const closed = (): KVError => new KVError('CLOSED', 'the store is closed')

/** The Engine contract on a ZooKeeper session: one znode a key, reads by `multiRead`, writes by `multi`. */
export class ZooKeeperEngine implements Engine {
  readonly name = 'zookeeper'
  readonly limits: EngineLimits
  readonly status$: Observable<Status>
  readonly #session: Session
  readonly #watch: RootWatch
  readonly #room: WriteRoom
  #closed: Promise<void> | undefined

  constructor(options: ZooKeeperEngineOptions) {
    const { acl, linearizable, maxPacketBytes } = options
    const layout = new Layout(options.root)
    this.limits = limitsOf(layout, acl, maxPacketBytes)
    this.#session = new Session(options, {
      // In this order: the watch is armed ahead of the reads and writes that wait.
      connected: () => {
        this.#watch.connected()
        this.#room.calls.connected()
      },
      disconnected: () => this.#watch.disconnected(),
      event: reply => this.#watch.event(reply),
      eventsEnd: () => this.#watch.eventsEnd(),
      failed: error => {
        this.#room.calls.fail(error)
        this.#watch.end(error)
      },
    })
    this.status$ = this.#session.status$.asObservable()
    this.#watch = new RootWatch(this.#session, layout)
    this.#room = {
      session: this.#session,
      calls: new Calls(this.#session),
      guess: new Guess(),
      marks: new Marks(layout),
      replySize: new ReplySize(),
      layout,
      acl,
      linearizable,
      maxPacketBytes,
    }
    this.#session.start()
  }

  read(keys: readonly string[], { deadline }: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    return new Observable(subscriber =>
      this.#room.calls.start(new ReadCall(this.#room, keys, deadline, subscriber)),
    )
  }

  write(writes: readonly Write[], { deadline }: Due): Observable<readonly (Written | KVError)[]> {
    return new Observable(subscriber =>
      this.#room.calls.start(new WriteCall(this.#room, writes, false, deadline, subscriber)),
    )
  }

  commit(writes: readonly Write[], { deadline }: Due): Observable<readonly Written[]> {
    return new Observable<readonly (Written | KVError)[]>(subscriber =>
      this.#room.calls.start(new WriteCall(this.#room, writes, true, deadline, subscriber)),
    ) as Observable<readonly Written[]>
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return new EntryScan(this.#room, span, READ_BATCH, IN_FLIGHT)
  }

  keys(span: KeySpan): Scan<string> {
    return new KeyScan(this.#room, span)
  }

  watch(): Observable<WatchSignal> {
    return this.#watch.watch()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { calls } = this.#room
    const timer = setTimeout(() => calls.fail(closed()), DRAIN_TIMEOUT)
    await calls.close(closed())
    clearTimeout(timer)
    this.#watch.end('closed')
    await this.#session.close()
  }
}

function limitsOf(layout: Layout, acl: Buffer, maxPacketBytes: number): EngineLimits {
  const nothing = new Uint8Array(0)
  // What a put takes beside its value, as a create, which takes more than a set.
  const besideValue = (path: string) => multiOpBytes({ type: Op.create, path, data: nothing }, acl)
  const fixed = COUNTED_HEADER + MULTI_HEADER
  const overheadBytes = besideValue('') + layout.prefixBytes
  return {
    // A byte of a key can take three in a path.
    keyBytes: Math.floor((maxPacketBytes - fixed - overheadBytes) / 3),
    valueBytes: key => maxPacketBytes - fixed - besideValue(layout.pathOf(key)),
    readBatch: READ_BATCH,
    writeBatch: WRITE_BATCH,
    batchBytes: maxPacketBytes - fixed - MARK_BYTES - acl.length - layout.prefixBytes,
    overheadBytes,
    inFlight: IN_FLIGHT,
  }
}
