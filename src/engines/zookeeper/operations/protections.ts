import type { KeyLayout } from '../layout/key-layout.ts'
import type { Surroundings } from '../session/surroundings.ts'
import { Code, Op } from '../wire/protocol.ts'
import { readListings, readNodes } from '../wire/replies.ts'
import { type MultiOp, multiReadFrame } from '../wire/requests.ts'
import { type Send, sendMulti } from './send.ts'

/** A protection node of a write: its content, and its path. */
export interface Protection {
  readonly path: string
  readonly data: Buffer
  /** Whether the node is known to exist. */
  exists: boolean
}

/** The parent of the protection nodes, below the root; no key has this name. */
export const WRITERS = '%writers'
const DATA_BYTES = 16
const NAME_BYTES = 9
/** After this long without a write, a protection node counts as left behind by a killed process, in milliseconds. */
const LEFT_BEHIND = 86_400_000
/** How many of them a store checks. */
const MOST_SWEPT = 512

/**
 * Protects conditional writes against lost answers, as Curator's `ProtectedMode` does for creations: each sets a small
 * node below the root to a unique number in the same multi, so that one read after a lost connection shows whether the
 * write was carried out. The nodes outlive the session, so this works after it has expired, too. A node protects one
 * write at a time. They are deleted when the store is closed; those of a killed process by the next store that creates
 * some, after a day.
 */
export class Protections {
  readonly #folder: string
  readonly #acl: Buffer
  readonly #surroundings: Surroundings
  /** The prefix of our nodes, which nobody else's have. */
  readonly #name: string
  readonly #free: Protection[] = []
  #made = 0
  #sequence = 0
  #folderAsked = false
  #swept = false
  /** Off if the server does not permit these nodes. */
  enabled = true

  constructor(layout: KeyLayout, acl: Buffer, surroundings: Surroundings) {
    this.#folder = layout.pathOfForeign(WRITERS)
    this.#acl = acl
    this.#surroundings = surroundings
    const bytes = Array.from({ length: NAME_BYTES }, () => Math.floor(surroundings.random() * 256))
    this.#name = Buffer.from(bytes).toString('base64url')
  }

  /** A protection that no other write is using, with a fresh number. */
  take(): Protection {
    const data = Buffer.alloc(DATA_BYTES)
    data.writeDoubleBE(++this.#sequence)
    data.writeDoubleBE(this.#surroundings.timing.date(), 8)
    const free = this.#free.pop()
    return free === undefined
      ? { path: `${this.#folder}/${this.#name}-${this.#made++}`, data, exists: false }
      : { path: free.path, data, exists: free.exists }
  }

  /** Returns a protection, when the outcome of its write is known. */
  release(protection: Protection): void {
    this.#free.push(protection)
  }

  /** Creates the parent node, ahead of the first write that needs it; nobody waits for this. */
  prepare(send: Send): void {
    if (this.#folderAsked) return
    this.#folderAsked = true
    this.makeFolder(send, () => {})
  }

  /** Creates the parent node; passes the server's code to `end`. */
  makeFolder(send: Send, end: (error: number) => void): void {
    sendMulti(send, [{ type: Op.create, path: this.#folder, data: Buffer.alloc(0) }], this.#acl, end)
  }

  /** Deletes our nodes, and the parent if it has no others; nobody waits for this. */
  clear(send: Send): void {
    const ours = this.#free.filter(({ exists }) => exists)
    if (ours.length === 0) return
    this.#delete(
      send,
      ours.map(({ path }) => ({ path, version: -1 })),
    )
    this.#delete(send, [{ path: this.#folder, version: -1 }])
  }

  /** Deletes, once, nodes that killed processes left behind; nobody waits for this. */
  sweep(send: Send): void {
    if (this.#swept) return
    this.#swept = true
    send(Op.multiRead, multiReadFrame([this.#folder], Op.getChildren), (error, _zxid, reply) => {
      const [names] = error === Code.ok ? readListings(reply, 1) : []
      if (!Array.isArray(names)) return
      const others = names.filter(name => !name.startsWith(this.#name)).slice(0, MOST_SWEPT)
      if (others.length > 0) this.#deleteOld(others, send)
    })
  }

  #deleteOld(names: readonly string[], send: Send): void {
    const paths = names.map(name => `${this.#folder}/${name}`)
    send(Op.multiRead, multiReadFrame(paths), (error, _zxid, reply) => {
      const nodes = error === Code.ok ? readNodes(reply, paths.length) : []
      for (const [i, node] of nodes.entries()) {
        if (typeof node !== 'object' || node.value.length !== DATA_BYTES) continue
        if (this.#surroundings.timing.date() - node.value.readDoubleBE(8) < LEFT_BEHIND) continue
        // Conditional, in case its store is alive after all and has set it meanwhile.
        this.#delete(send, [{ path: paths[i]!, version: node.version }])
      }
    })
  }

  #delete(send: Send, nodes: readonly { readonly path: string; readonly version: number }[]): void {
    const ops = nodes.map(({ path, version }): MultiOp => ({ type: Op.delete, path, version }))
    sendMulti(send, ops, this.#acl, () => {})
  }
}

/** The operation that sets a protection. */
export const protectionOp = ({ path, data, exists }: Protection): MultiOp =>
  exists ? { type: Op.setData, path, data, version: -1 } : { type: Op.create, path, data }
