import { KVError } from '../../../base/errors.ts'
import { nextVersion } from '../../../contract/conditions.ts'
import { admissionOf, mayFill, NOTICE, type Seal, sealOf } from '../../../contract/seal.ts'
import type { KeyLayout } from '../layout/key-layout.ts'
import { Code, Op } from '../wire/protocol.ts'
import type { Node } from '../wire/replies.ts'
import { existsFrame, type MultiOp } from '../wire/requests.ts'
import type { Send } from './send.ts'

/** A check of the version of the root. */
export type RootCheck = MultiOp & { readonly type: typeof Op.check }

/** What becomes of an engine by what its root says. */
export interface RootEvents {
  /** It is laid out otherwise, or the store has been moved: there is no use in trying any more. */
  refused(error: KVError): void
  /** Nobody is let in for now. */
  held(reason: string): void
}

/** Whether who looked at the root is let in. */
export type Admitted = 'open' | 'held' | 'throttled' | KVError

/**
 * The {@link Seal} of a root, and the version of its data, which every multi of writes checks first: so who sets the
 * data to a seal has shut out all writes that are carried out later. A watch on the notice that comes with a seal,
 * one-shot and set on every connection, tells those who only read.
 */
export class RootSeal {
  readonly #root: string
  readonly #notice: string
  readonly #events: RootEvents
  /** The name of the run of a move that this is for; seals do not shut it out. */
  readonly #mover: string | undefined
  /** The version of the root's data, as it was seen or left last. */
  #version = 0
  #seal: Seal | undefined
  #watched = false
  /** Whether the notice was there when its watch was set. */
  #noticed = false

  constructor(layout: KeyLayout, events: RootEvents, mover: string | undefined) {
    this.#root = layout.root
    this.#notice = layout.pathOf(NOTICE)
    this.#events = events
    this.#mover = mover
  }

  /** The operation that a multi of writes begins with. */
  get check(): RootCheck {
    return { type: Op.check, path: this.#root, version: this.#version }
  }

  /** Whether a check that failed was of the root as it was seen last. */
  isOfNow({ version }: RootCheck): boolean {
    return version === this.#version
  }

  get version(): number {
    return this.#version
  }

  /** Whether keys may be written, as far as that is for this run of a move. */
  get mayFill(): boolean {
    return this.#mover === undefined || mayFill(this.#seal, this.#mover)
  }

  /** Whether the watch is set. */
  get watched(): boolean {
    return this.#watched
  }

  disconnected(): void {
    this.#watched = false
  }

  /** Takes the path of an event; returns whether it was of the notice. */
  event(path: string): boolean {
    if (path !== this.#notice) return false
    this.#watched = false
    return true
  }

  watch(send: Send, then?: () => void): void {
    this.#watched = true
    send(Op.exists, existsFrame(this.#notice, true), error => {
      this.#noticed = error === Code.ok
      if (error !== Code.ok && error !== Code.noNode) this.#watched = false
      then?.()
    })
  }

  /** We have made the root. */
  made(): void {
    this.#version = 0
    this.#seal = undefined
  }

  /** We have set its data, from the version seen last. */
  recorded(): void {
    this.#version = nextVersion(this.#version)
  }

  seen({ value, version }: Node): void {
    this.#version = version
    this.#seal = sealOf(value)
  }

  /** Finds out whether we are let in, after the root was seen. */
  admit(send: Send, end: (admitted: Admitted) => void): void {
    const seal = this.#seal
    const admission = this.#mover === undefined ? admissionOf(seal) : 'open'
    const hold = (reason: string): void => {
      this.#events.held(reason)
      end('held')
    }
    if (admission === 'open') end('open')
    else if (admission instanceof KVError) {
      this.#events.refused(admission)
      end(admission)
    } else if (seal?.state !== 'paused') hold(admission.held)
    else {
      // Who paused it is gone where the notice is not there, as it is seen after the seal that came with it.
      this.watch(send, () => {
        if (this.#seal !== seal || !this.#watched) end('throttled')
        else if (this.#noticed) hold(admission.held)
        else end('open')
      })
    }
  }
}
