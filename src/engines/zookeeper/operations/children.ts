import { Observable, type Subscriber } from 'rxjs'
import { KVError } from '../../../base/errors.ts'
import type { Timing } from '../../../base/timing.ts'
import type { NodeEntry } from '../../../contract/engine.ts'
import type { KeyLayout } from '../layout/key-layout.ts'
import { keyOfName } from '../layout/names.ts'
import type { Session } from '../session/session.ts'
import { failure, mayPass } from '../wire/failures.ts'
import { Code, Op } from '../wire/protocol.ts'
import { readListings, readNodes } from '../wire/replies.ts'
import { multiReadFrame, watchFrame } from '../wire/requests.ts'
import { THROTTLE_PAUSE } from './tasks.ts'

/** The most children to read in one request. */
const READ_BATCH = 256
/** The pause before a retry after a transient refusal, in milliseconds. */
const RETRY_PAUSE = 500

/** The subscribers to the children of one node, and the state of its listing. */
class FollowedNode {
  readonly path: string
  readonly subscribers: Set<Subscriber<readonly NodeEntry[]>> = new Set()
  /** The current listing; answers of others are out of date. */
  listing: object | undefined
  /** Whether a child was created or deleted since that listing began. */
  changed = false
  /** The last listing on this connection. */
  children: readonly NodeEntry[] | undefined

  constructor(path: string) {
    this.path = path
  }
}

/**
 * Follows the children of nodes: sets a watch on each, again on every connection, and lists after every event, one
 * listing at a time.
 */
export class Children {
  readonly #session: Session
  readonly #layout: KeyLayout
  readonly #timing: Timing
  readonly #followed = new Map<string, FollowedNode>()
  #ended: KVError | 'closed' | undefined

  constructor(session: Session, layout: KeyLayout, timing: Timing) {
    this.#timing = timing
    this.#session = session
    this.#layout = layout
  }

  follow(parent: string): Observable<readonly NodeEntry[]> {
    return new Observable(subscriber => {
      if (this.#ended === 'closed') return subscriber.complete()
      if (this.#ended !== undefined) return subscriber.error(this.#ended)
      const path = this.#layout.pathOf(parent)
      const followed = this.#followed.get(path) ?? new FollowedNode(path)
      const isFirst = followed.subscribers.size === 0
      this.#followed.set(path, followed)
      followed.subscribers.add(subscriber)
      subscriber.add(() => this.#leave(followed, subscriber))
      if (followed.children !== undefined) subscriber.next(followed.children)
      else if (isFirst && this.#session.connected) this.#begin(followed)
    })
  }

  connected(): void {
    for (const followed of this.#followed.values()) this.#begin(followed)
  }

  disconnected(): void {
    for (const followed of this.#followed.values()) {
      followed.listing = undefined
      followed.children = undefined
    }
  }

  event(path: string): void {
    const followed = this.#followed.get(path)
    if (followed === undefined) return
    followed.changed = true
    if (followed.children !== undefined) this.#list(followed)
  }

  /** Ends every subscription: completes it, or fails it with an error. */
  end(reason: KVError | 'closed'): void {
    this.#ended ??= reason
    for (const { subscribers } of [...this.#followed.values()]) {
      for (const subscriber of [...subscribers]) {
        if (reason instanceof KVError) subscriber.error(reason)
        else subscriber.complete()
      }
    }
  }

  #leave(followed: FollowedNode, subscriber: Subscriber<readonly NodeEntry[]>): void {
    followed.subscribers.delete(subscriber)
    if (followed.subscribers.size > 0) return
    this.#followed.delete(followed.path)
    followed.listing = undefined
    if (!this.#session.connected || this.#ended !== undefined) return
    // It is fine if the watch no longer exists.
    this.#send(Op.removeWatches, watchFrame(Op.removeWatches, followed.path, 'children'), () => {})
  }

  /** Sets the watch, and lists the children. */
  #begin(followed: FollowedNode): void {
    const asked = this.#ask(followed)
    const replied = (error: number): void => {
      if (error === Code.ok) return
      if (followed.listing === asked) this.#refused(followed, error, () => this.#begin(followed))
    }
    this.#send(Op.addWatch, watchFrame(Op.addWatch, followed.path, 'children'), replied)
    this.#listFor(followed, asked)
  }

  #list(followed: FollowedNode): void {
    this.#listFor(followed, this.#ask(followed))
  }

  #ask(followed: FollowedNode): object {
    const asked = {}
    followed.listing = asked
    followed.children = undefined
    followed.changed = false
    return asked
  }

  #listFor(followed: FollowedNode, asked: object): void {
    const again = () => this.#list(followed)
    this.#send(Op.multiRead, multiReadFrame([followed.path], Op.getChildren), (error, reply) => {
      if (followed.listing !== asked) return
      const [names] = error === Code.ok ? readListings(reply, 1) : [error]
      if (Array.isArray(names)) this.#read(followed, asked, names, [])
      else if (names === Code.noNode) this.#listed(followed, [])
      else this.#refused(followed, names!, again)
    })
  }

  #read(followed: FollowedNode, asked: object, names: readonly string[], children: NodeEntry[]): void {
    if (names.length === 0) {
      this.#listed(followed, children)
      return
    }
    const some = names.slice(0, READ_BATCH)
    const frame = multiReadFrame(some.map(name => `${followed.path}/${name}`))
    this.#send(Op.multiRead, frame, (error, reply) => {
      if (followed.listing !== asked) return
      if (error !== Code.ok) return this.#refused(followed, error, () => this.#list(followed))
      for (const [i, node] of readNodes(reply, some.length).entries()) {
        const name = keyOfName(some[i]!)
        if (typeof node !== 'object' || name === undefined) continue
        const { value, version, revision } = node
        children.push({ name, value, version, revision })
      }
      this.#read(followed, asked, names.slice(some.length), children)
    })
  }

  #listed(followed: FollowedNode, children: readonly NodeEntry[]): void {
    if (followed.changed) {
      this.#list(followed)
      return
    }
    followed.listing = undefined
    followed.children = children
    for (const subscriber of [...followed.subscribers]) subscriber.next(children)
  }

  #refused(followed: FollowedNode, error: number, again: () => void): void {
    const asked = followed.listing
    if (mayPass(error)) {
      this.#timing.after(error === Code.throttled ? THROTTLE_PAUSE : RETRY_PAUSE, () => {
        if (followed.listing === asked && this.#session.connected) again()
      })
      return
    }
    followed.listing = undefined
    const problem = failure(error, `list the nodes below ${followed.path}`)
    for (const subscriber of [...followed.subscribers]) subscriber.error(problem)
  }

  #send(type: number, frame: Buffer, replied: (error: number, reply: Buffer) => void): void {
    this.#session.send({
      type,
      frame,
      replied: (error, _zxid, reply) => replied(error, reply),
      lost: () => {},
    })
  }
}
