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

/** Work that is done once for all who ask for it while it is under way. */
class SharedWork<R> {
  #waiting: ((result: R) => void)[] = []

  join(end: (result: R) => void, begin: (finish: (result: R) => void) => void): void {
    this.#waiting.push(end)
    if (this.#waiting.length > 1) return
    let finished = false
    begin(result => {
      // Several requests can be lost at once.
      if (finished) return
      finished = true
      const waiting = this.#waiting
      this.#waiting = []
      for (const each of waiting) each(result)
    })
  }
}

/** How many buckets the root's data says that its keys are in; `undefined` where it says nothing. */
function recordedBuckets(data: Buffer): number | undefined {
  const buckets = recordOf(data)?.buckets
  return typeof buckets === 'number' ? buckets : undefined
}

/** Also tells that a request was lost. */
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
 * The root node, whose data records how the keys below it are laid out, so that stores that disagree do not miss each
 * other's keys: where it was made with other buckets, every operation fails with `INVALID_ARGUMENT`.
 *
 * A root that somebody else made, without data, can have its keys in buckets or not, until a store has recorded which: the
 * first to do so wins, and no key is put before. One with data of somebody else has them as its children.
 *
 * It is looked at on every connection, and a watch tells when it may have been made otherwise since. Until it is there,
 * it is looked at after every read, before the answer is given, and made before the first put; so what is not there was
 * looked for in the right place, and an operation costs nothing once the root is there.
 *
 * The watch is on the node of the first bucket, a one-shot one, which every way of making the root otherwise deletes or
 * creates: the buckets go before a root can be deleted, and come before one can have keys in them. (On the root itself it
 * would take the place of the watch of the keys: a server up to 3.8 keeps one watch a path.) What remains is a put on its
 * way while somebody deletes the root and makes it otherwise: it may end up beside the others' keys.
 */
export class RootNode {
  readonly #layout: KeyLayout
  readonly #acl: Buffer
  readonly #packetLimit: PacketLimit
  readonly #refused: (error: KVError) => void
  readonly #seal: RootSeal
  readonly #looks = new SharedWork<LookEnd>()
  readonly #makings = new SharedWork<MakingEnd>()
  /** What is known of it: nothing, that it is there but has to be recorded, or that it is recorded as we think. */
  #standing: 'unknown' | 'unrecorded' | 'recorded' = 'unknown'
  /** Whether its watch is set, and whether the first bucket was there when it was. */
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

  /** Whether the root is there, and laid out as we think. */
  get verified(): boolean {
    return this.#standing !== 'unknown'
  }

  /** Whether it says so, so that keys can be put below it. */
  get recorded(): boolean {
    return this.#standing === 'recorded'
  }

  /** The operation that a multi of writes begins with: it fails where the root is not any more as it was seen. */
  get check(): RootCheck {
    return this.#seal.check
  }

  /** How large it is, in bytes. */
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

  /** Nothing tells of changes any more. */
  disconnected(): void {
    this.#standing = 'unknown'
    this.#watched = false
    this.#seal.disconnected()
  }

  /** Takes an event of any watch; returns whether the root is to be looked at. */
  event(type: number, path: string): boolean {
    const { root, firstBucket } = this.#layout
    if (path !== firstBucket && path !== root && !this.#seal.event(path)) return false
    if (path === firstBucket) this.#watched = false
    // Without buckets it can be a key, and is written like one.
    if (path !== firstBucket || type !== EventType.dataChanged) this.#standing = 'unknown'
    return true
  }

  /**
   * Looks at the root, where there is one; once for all who ask meanwhile: a server answers in order, so a look that is not
   * answered yet was sent after whatever has been answered.
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
   * Makes what is missing of the root, of the nodes above it, of its record, and of the buckets below it; once for all who
   * ask meanwhile.
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

  /** Makes a node below the root, and what is missing between them; ends with its failure, where it has one. */
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
      // Together with who looks already: of two at once, one would take the watch of the other for its own.
      if (created === 'done') return this.look(send, divide)
      divide('done')
    })
  }

  /** Records that the keys are in no buckets. */
  #record(send: Send, end: (end: MakingEnd) => void): void {
    const { root } = this.#layout
    const op: MultiOp = { type: Op.setData, path: root, data: newRecord(0), version: this.#seal.version }
    sendMulti(send, [op], this.#acl, error => {
      // Where that is not permitted, all that remains is to believe that it is so.
      if (error === Code.ok) this.#seal.recorded()
      if (error === Code.ok || error === Code.noAuth) end('done')
      // It is not any more as it was seen.
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
        // Without the first bucket it is being made, or deleted.
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
          // Also where another was faster: it is read again.
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
        // Also where another made one of them meanwhile.
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
   * Creates a node, and what is missing above it. Begins at the node itself, so that no permission is needed on nodes
   * above it that exist.
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
