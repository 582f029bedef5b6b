import { KVError } from '../../../base/errors.ts'
import { recordOf } from '../../../contract/seal.ts'
import type { KeyLayout } from '../layout/key-layout.ts'
import { keyOfName } from '../layout/names.ts'
import type { PacketLimit } from '../session/packet-limit.ts'
import { failure } from '../wire/failures.ts'
import { Code, EventType, Op } from '../wire/protocol.ts'
import { type Node, readListings, readNodes } from '../wire/replies.ts'
import {
  COUNTED_HEADER,
  existsFrame,
  MULTI_HEADER,
  type MultiOp,
  multiOpBytes,
  multiReadFrame,
} from '../wire/requests.ts'
import { type RootCheck, type RootEvents, RootSeal } from './root-seal.ts'
import { type Send, sendMulti } from './send.ts'

/** How asking for the root ends: well, with the server or a seal asking to be asked later, or not at all. */
export type RootEnd = 'done' | 'throttled' | 'held' | KVError

/** How looking at it ends: also with the connection. */
export type LookEnd = RootEnd | 'lost'

/** How making it ends: also with a root that was not there before. */
export type MakingEnd = LookEnd | 'made'

/** Work that is done once for everybody who requests it while it is in progress. */
class SharedWork<R> {
  #waiting: ((result: R) => void)[] = []

  join(end: (result: R) => void, begin: (finish: (result: R) => void) => void): void {
    this.#waiting.push(end)
    if (this.#waiting.length > 1) return
    let finished = false
    begin(result => {
      // Several requests can be lost together.
      if (finished) return
      finished = true
      const waiting = this.#waiting
      this.#waiting = []
      for (const each of waiting) each(result)
    })
  }
}

/** The number of buckets recorded in the root's data; `undefined` without a record. */
function recordedBuckets(data: Buffer): number | undefined {
  const buckets = recordOf(data)?.buckets
  return typeof buckets === 'number' ? buckets : undefined
}

/** Passes on a lost request, too. */
const orLost =
  (send: Send, onLost: () => void): Send =>
  (type, frame, replied, lost) =>
    send(type, frame, replied, () => {
      lost?.()
      onLost()
    })

const newRecord = (buckets: number): Buffer => Buffer.from(JSON.stringify({ rxkeeper: { buckets } }))

const shown = (buckets: number): string => (buckets === 0 ? 'no hash buckets' : `${buckets} hash buckets`)

/**
 * The root node. Its data records the layout of the keys below it, so that stores with different layouts do not miss
 * each other's keys: if it was created with other buckets, every operation fails with `INVALID_ARGUMENT`.
 *
 * A root that another client created without data may have its keys in buckets or not, until a store records which: the
 * first one wins, and no key is put before. A root with another client's data has keys as children.
 *
 * It is read on every connection, and a watch signals when its layout may have changed since. Until it exists, it is
 * read after every read, before the answer is passed on, and created before the first put; so an absent key was looked
 * for in the right place, and operations pay nothing once the root exists.
 *
 * The watch is a one-shot watch on the node of the first bucket, which every change of layout creates or deletes:
 * buckets are deleted before the root can be, and created before they can have keys. (On the root itself it would
 * replace the watch of the keys: servers up to 3.8 keep one watch per path.) One gap remains: a put in flight while
 * somebody deletes the root and creates it with another layout may end up beside the others' keys.
 */
export class RootNode {
  readonly #layout: KeyLayout
  readonly #acl: Buffer
  readonly #packetLimit: PacketLimit
  readonly #refused: (error: KVError) => void
  readonly #seal: RootSeal
  readonly #looks = new SharedWork<LookEnd>()
  readonly #makings = new SharedWork<MakingEnd>()
  /**
   * What is known about it: nothing; that it exists, but its layout must be recorded; or that our layout is recorded.
   */
  #standing: 'unknown' | 'unrecorded' | 'recorded' = 'unknown'
  /** Whether its watch is set, and whether the first bucket existed then. */
  #watched = false
  #divided = false

  /** @param mover the name of the run of a move that this is for */
  constructor(
    layout: KeyLayout,
    acl: Buffer,
    packetLimit: PacketLimit,
    events: RootEvents,
    mover: string | undefined,
  ) {
    this.#layout = layout
    this.#acl = acl
    this.#packetLimit = packetLimit
    this.#refused = error => events.refused(error)
    this.#seal = new RootSeal(layout, events, mover)
  }

  /** Whether the root exists, with our layout. */
  get verified(): boolean {
    return this.#standing !== 'unknown'
  }

  /** Whether our layout is recorded, so that keys can be put below it. */
  get recorded(): boolean {
    return this.#standing === 'recorded'
  }

  /** The operation that a multi of writes begins with: it fails where the root is not any more as it was seen. */
  get check(): RootCheck {
    return this.#seal.check
  }

  /** Its size, in bytes. */
  get checkBytes(): number {
    return multiOpBytes(this.check, this.#acl)
  }

  /** A multi with this check found the root otherwise. */
  doubt(check: RootCheck): void {
    if (this.#seal.isOfNow(check)) this.#standing = 'unknown'
  }

  /** Whether keys may be written, as far as that is for a run of a move. */
  get mayFill(): boolean {
    return this.#seal.mayFill
  }

  /** The connection was lost: changes are no longer signalled. */
  disconnected(): void {
    this.#standing = 'unknown'
    this.#watched = false
    this.#seal.disconnected()
  }

  /** Takes a watch event; returns whether the root must be read again. */
  event(type: number, path: string): boolean {
    const { root, firstBucket } = this.#layout
    if (path !== firstBucket && path !== root && !this.#seal.event(path)) return false
    if (path === firstBucket) this.#watched = false
    // Without buckets this node can be a key's, and be written like one.
    if (path !== firstBucket || type !== EventType.dataChanged) this.#standing = 'unknown'
    return true
  }

  /**
   * Reads the root, once for everybody who requests it meanwhile: a server answers in order, so a pending read was sent
   * after everything that has been answered.
   */
  look(send: Send, end: (end: LookEnd) => void): void {
    this.#looks.join(end, finish =>
      this.#look(
        orLost(send, () => finish('lost')),
        finish,
      ),
    )
  }

  /**
   * Creates what is missing of the root, its parents, its record and its buckets; once for everybody who requests it
   * meanwhile.
   */
  make(send: Send, end: (end: MakingEnd) => void): void {
    this.#makings.join(end, finish => {
      const begin = this.#standing === 'unrecorded' ? this.#record : this.#make
      begin.call(
        this,
        orLost(send, () => finish('lost')),
        result => {
          if (result === 'done' || result === 'made') this.#standing = 'recorded'
          finish(result)
        },
      )
    })
  }

  #look(send: Send, end: (end: RootEnd) => void): void {
    const { root, firstBucket } = this.#layout
    if (!this.#watched) {
      this.#watched = true
      send(Op.exists, existsFrame(firstBucket, true), error => {
        this.#divided = error === Code.ok
        if (error !== Code.ok && error !== Code.noNode) this.#watched = false
      })
    }
    if (!this.#seal.watched) this.#seal.watch(send)
    send(Op.multiRead, multiReadFrame([root]), (error, _zxid, reply) => {
      const [node] = error === Code.ok ? readNodes(reply, 1) : [error]
      if (node === Code.throttled || !this.#watched || !this.#seal.watched) end('throttled')
      else if (typeof node === 'object') this.#checkRecord(node, send, end)
      else if (node === Code.noNode) end('done')
      else end(failure(node!, `read the root ${root}, which says where the keys are`))
    })
  }

  /** Creates a node below the root, with missing nodes in between; passes a failure to `end`. */
  makeFolder(path: string, send: Send, end: (end: RootEnd) => void): void {
    this.#create(path, Buffer.alloc(0), send, created => end(created === 'made' ? 'done' : created))
  }

  #make(send: Send, end: (end: MakingEnd) => void): void {
    const { root, buckets } = this.#layout
    this.#standing = 'unknown'
    this.#create(root, newRecord(buckets), send, created => {
      if (created !== 'made' && created !== 'done') return end(created)
      if (created === 'made') this.#seal.made()
      const divide = (checked: LookEnd): void => {
        if (checked !== 'done') end(checked)
        else if (this.#standing === 'unrecorded') this.#record(send, end)
        else if (buckets === 0) end(created)
        else this.#makeBuckets(send, divided => end(divided === 'done' ? created : divided))
      }
      // Joins a read in progress: of two at once, one would mistake the other's watch for its own.
      if (created === 'done') return this.look(send, divide)
      divide('done')
    })
  }

  /** Records that the keys are in no buckets. */
  #record(send: Send, end: (end: MakingEnd) => void): void {
    const { root } = this.#layout
    const op: MultiOp = { type: Op.setData, path: root, data: newRecord(0), version: this.#seal.version }
    sendMulti(send, [op], this.#acl, error => {
      // If that is not permitted, we can only assume that it is so.
      if (error === Code.ok) this.#seal.recorded()
      if (error === Code.ok || error === Code.noAuth) end('done')
      // It has changed since it was read.
      else if (error === Code.badVersion || error === Code.noNode) this.#make(send, end)
      else end(error === Code.throttled ? 'throttled' : failure(error, `write the root ${root}`))
    })
  }

  #checkRecord(node: Node, send: Send, end: (end: RootEnd) => void): void {
    const { value, version } = node
    const { root, buckets } = this.#layout
    this.#seal.seen(node)
    const recorded = recordedBuckets(value)
    const refuse = (problem: string) => {
      const error = new KVError(
        'INVALID_ARGUMENT',
        `\`buckets\`: ${problem}, this store was opened with ${shown(buckets)}`,
      )
      this.#refused(error)
      end(error)
    }
    if (recorded === buckets) {
      this.#seal.admit(send, admitted => {
        if (admitted !== 'open') {
          this.#standing = 'unknown'
          return end(admitted)
        }
        // Without the first bucket it is being created, or deleted.
        if (buckets === 0 || this.#divided) this.#standing = 'recorded'
        end('done')
      })
    } else if (recorded !== undefined) refuse(`the keys below ${root} are in ${shown(recorded)}`)
    else if (buckets === 0) {
      this.#standing = value.length === 0 ? 'unrecorded' : 'recorded'
      end('done')
    } else if (value.length > 0)
      refuse(`${root} has data of somebody else, and cannot record where its keys are`)
    else {
      this.#list(send, names => {
        if (!Array.isArray(names)) return end(names)
        if (names.some(name => keyOfName(name) !== undefined)) {
          return refuse(`the keys below ${root} are in ${shown(0)}`)
        }
        const op: MultiOp = { type: Op.setData, path: root, data: newRecord(buckets), version }
        sendMulti(send, [op], this.#acl, error => {
          // Even if another client was faster: it is read again.
          if (error === Code.ok || error === Code.badVersion) this.#look(send, end)
          else end(error === Code.throttled ? 'throttled' : failure(error, `write the root ${root}`))
        })
      })
    }
  }

  #makeBuckets(send: Send, end: (end: RootEnd) => void): void {
    this.#list(send, names => {
      if (!Array.isArray(names)) return end(names)
      const there = new Set(names)
      const ops: MultiOp[] = []
      let bytes = COUNTED_HEADER + MULTI_HEADER
      for (const path of this.#layout.parents) {
        if (there.has(path.slice(path.lastIndexOf('/') + 1))) continue
        const op: MultiOp = { type: Op.create, path, data: Buffer.alloc(0) }
        bytes += multiOpBytes(op, this.#acl)
        if (bytes > this.#packetLimit.bytes) break
        ops.push(op)
      }
      if (ops.length === 0) return end('done')
      sendMulti(send, ops, this.#acl, error => {
        // Even if another client created one of them meanwhile.
        if (error === Code.ok || error === Code.nodeExists) this.#makeBuckets(send, end)
        else
          end(
            error === Code.throttled
              ? 'throttled'
              : failure(error, `make the buckets below ${this.#layout.root}`),
          )
      })
    })
  }

  /**
   * Creates a node with its missing parents. Starts with the node itself, so that existing parents need no permission.
   */
  #create(path: string, data: Buffer, send: Send, end: (end: RootEnd | 'made') => void): void {
    sendMulti(send, [{ type: Op.create, path, data }], this.#acl, error => {
      if (error === Code.ok) end('made')
      else if (error === Code.nodeExists) end('done')
      else if (error === Code.throttled) end('throttled')
      else if (error === Code.noNode && path.lastIndexOf('/') > 0) {
        this.#create(path.slice(0, path.lastIndexOf('/')), Buffer.alloc(0), send, parent => {
          if (parent === 'made' || parent === 'done') this.#create(path, data, send, end)
          else end(parent)
        })
      } else end(failure(error, `create ${path}`))
    })
  }

  #list(send: Send, done: (names: string[] | RootEnd) => void): void {
    const { root } = this.#layout
    send(Op.multiRead, multiReadFrame([root], Op.getChildren), (error, _zxid, reply) => {
      const [names] = error === Code.ok ? readListings(reply, 1) : [error]
      if (Array.isArray(names)) done(names)
      else done(names === Code.throttled ? 'throttled' : failure(names!, `list the root ${root}`))
    })
  }
}
