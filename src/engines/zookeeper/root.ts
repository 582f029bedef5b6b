import { KVError } from '../../errors.ts'
import { failure } from './failures.ts'
import { keyOfName, type Layout } from './paths.ts'
import { Code, Op } from './protocol.ts'
import { type Node, readListings, readNodes } from './replies.ts'
import { COUNTED_HEADER, MULTI_HEADER, type MultiOp, multiOpBytes, multiReadFrame } from './requests.ts'
import { type Send, sendMulti } from './send.ts'

/** How asking for the root ends: well, with the server asking to be asked later, or not at all. */
export type RootEnd = 'done' | 'throttled' | KVError

/** How making it ends: also with a root that was not there before, or with the connection. */
export type MakingEnd = RootEnd | 'made' | 'lost'

/** How many buckets the root's data says that its keys are in; `undefined` where it says nothing. */
function recordedBuckets(data: Buffer): number | undefined {
  try {
    const buckets: unknown = JSON.parse(data.toString()).rxkeeper.buckets
    return typeof buckets === 'number' ? buckets : undefined
  } catch {
    return undefined
  }
}

const recordOf = (buckets: number): Buffer =>
  buckets === 0 ? Buffer.alloc(0) : Buffer.from(JSON.stringify({ rxkeeper: { buckets } }))

const shown = (buckets: number): string => (buckets === 0 ? 'no hash buckets' : `${buckets} hash buckets`)

/**
 * The root node, whose data records how the keys below it are laid out, so that stores that disagree do not miss each
 * other's keys: where it was made with other buckets, every operation fails with `INVALID_ARGUMENT`.
 */
export class Root {
  readonly #layout: Layout
  readonly #acl: Buffer
  readonly #maxOpsBytes: number
  /** Whether the root is there, and laid out as we think; until then it is looked at before the first write. */
  verified = false
  /** Who waits for the root to be made. */
  #waiting: ((end: MakingEnd) => void)[] = []

  constructor(layout: Layout, acl: Buffer, maxPacketBytes: number) {
    this.#layout = layout
    this.#acl = acl
    this.#maxOpsBytes = maxPacketBytes - COUNTED_HEADER - MULTI_HEADER
  }

  /** Looks at the root, where there is one. */
  check(send: Send, end: (end: RootEnd) => void): void {
    const { root } = this.#layout
    send(Op.multiRead, multiReadFrame([root]), (error, _zxid, reply) => {
      const [node] = error === Code.ok ? readNodes(reply, 1) : [error]
      if (typeof node === 'object') this.#checkRecord(node, send, end)
      else if (node === Code.throttled) end('throttled')
      else {
        // What cannot be read has to be believed; each operation will find out by itself what it may.
        this.verified = node !== Code.noNode
        end('done')
      }
    })
  }

  /** Makes what is missing of the root, of the nodes above it, and of the buckets below it; once for all who ask meanwhile. */
  make(send: Send, end: (end: MakingEnd) => void): void {
    this.#waiting.push(end)
    if (this.#waiting.length > 1) return
    this.verified = false
    const finish = (result: MakingEnd): void => {
      const waiting = this.#waiting
      this.#waiting = []
      for (const each of waiting) each(result)
    }
    this.#make((type, frame, replied) => send(type, frame, replied, () => finish('lost')), finish)
  }

  /** Makes a node below the root, and what is missing between them; ends with its failure, where it has one. */
  makeFolder(path: string, send: Send, end: (end: RootEnd) => void): void {
    this.#create(path, Buffer.alloc(0), send, created => end(created === 'made' ? 'done' : created))
  }

  #make(send: Send, end: (end: MakingEnd) => void): void {
    const { root, buckets } = this.#layout
    this.#create(root, recordOf(buckets), send, created => {
      if (created !== 'made' && created !== 'done') return end(created)
      const divide = (checked: RootEnd): void => {
        if (checked !== 'done') end(checked)
        else if (buckets === 0) end(created)
        else this.#makeBuckets(send, divided => end(divided === 'done' ? created : divided))
      }
      if (created === 'done') return this.check(send, divide)
      this.verified = true
      divide('done')
    })
  }

  #checkRecord({ value, version }: Node, send: Send, end: (end: RootEnd) => void): void {
    const { root, buckets } = this.#layout
    const recorded = recordedBuckets(value) ?? 0
    const refuse = () =>
      end(
        new KVError(
          'INVALID_ARGUMENT',
          `\`buckets\`: the keys below ${root} are in ${shown(recorded)}, this store was opened with ${shown(buckets)}`,
        ),
      )
    if (recorded === buckets) {
      this.verified = true
      end('done')
    } else if (recorded !== 0) refuse()
    else {
      // A root that somebody made, and that nobody has put keys into, can still be divided.
      this.#list(send, names => {
        if (!Array.isArray(names)) return end(names)
        if (names.some(name => keyOfName(name) !== undefined)) return refuse()
        const op: MultiOp = { type: Op.setData, path: root, data: recordOf(buckets), version }
        sendMulti(send, [op], this.#acl, error => {
          // Also where another was faster: it is read again.
          if (error === Code.ok || error === Code.badVersion) this.check(send, end)
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
      let bytes = 0
      for (const path of this.#layout.parents) {
        if (there.has(path.slice(path.lastIndexOf('/') + 1))) continue
        const op: MultiOp = { type: Op.create, path, data: Buffer.alloc(0) }
        bytes += multiOpBytes(op, this.#acl)
        if (bytes > this.#maxOpsBytes) break
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
