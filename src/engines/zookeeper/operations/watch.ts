import { Observable, type Subscriber } from 'rxjs'
import { KVError } from '../../../base/errors.ts'
import type { Timing } from '../../../base/timing.ts'
import type { WatchSignal } from '../../../contract/engine.ts'
import type { KeyLayout } from '../layout/key-layout.ts'
import type { Session } from '../session/session.ts'
import { failure, mayPass } from '../wire/failures.ts'
import { Code, Op } from '../wire/protocol.ts'
import { watchFrame } from '../wire/requests.ts'
import { THROTTLE_PAUSE } from './tasks.ts'

/** The longest pause before the watch is requested again, in milliseconds. */
const LONGEST_PAUSE = 1000

/**
 * One recursive watch on the root, shared by all watchers: set while there are any, and again on every connection,
 * because the server drops it with the connection and does not signal what happened in between.
 */
export class RootWatch {
  readonly #session: Session
  readonly #layout: KeyLayout
  readonly #timing: Timing
  readonly #subscribers = new Set<Subscriber<WatchSignal>>()
  /** The current request for the watch; answers to others are out of date. */
  #request: object | undefined
  #armed = false
  /** The pause before the next request, in milliseconds. */
  #pause = THROTTLE_PAUSE
  #ended: KVError | 'closed' | undefined
  #keys: string[] = []

  constructor(session: Session, layout: KeyLayout, timing: Timing) {
    this.#session = session
    this.#layout = layout
    this.#timing = timing
  }

  watch(): Observable<WatchSignal> {
    return new Observable(subscriber => {
      if (this.#ended === 'closed') return subscriber.complete()
      if (this.#ended !== undefined) return subscriber.error(this.#ended)
      this.#subscribers.add(subscriber)
      subscriber.add(() => this.#leave(subscriber))
      if (this.#armed) subscriber.next({ type: 'armed' })
      else if (this.#request === undefined && this.#session.connected) this.#arm()
    })
  }

  connected(): void {
    if (this.#subscribers.size > 0) this.#arm()
  }

  disconnected(): void {
    this.#request = undefined
    if (!this.#armed) return
    this.#armed = false
    this.#signal({ type: 'disarmed' })
  }

  event(path: string): void {
    if (!this.#armed) return
    const key = this.#layout.keyOf(path)
    if (key !== undefined) this.#keys.push(key)
  }

  /** Signals the events of one run together. */
  eventsEnd(): void {
    if (this.#keys.length === 0) return
    const keys = this.#keys
    this.#keys = []
    this.#signal({ type: 'changed', keys })
  }

  /** Ends every watch: completes it, or fails it with an error. */
  end(reason: KVError | 'closed'): void {
    this.#ended ??= reason
    for (const subscriber of [...this.#subscribers]) {
      if (reason instanceof KVError) subscriber.error(reason)
      else subscriber.complete()
    }
  }

  #signal(signal: WatchSignal): void {
    for (const subscriber of [...this.#subscribers]) subscriber.next(signal)
  }

  #leave(subscriber: Subscriber<WatchSignal>): void {
    this.#subscribers.delete(subscriber)
    if (this.#subscribers.size > 0 || this.#request === undefined) return
    this.#request = undefined
    this.#armed = false
    this.#keys = []
    if (!this.#session.connected || this.#ended !== undefined) return
    // It is fine if the watch no longer exists.
    const ignore = () => {}
    const frame = watchFrame(Op.removeWatches, this.#layout.root, 'subtree')
    this.#session.send({ type: Op.removeWatches, frame, replied: ignore, lost: ignore })
  }

  #arm(): void {
    const asked = {}
    this.#request = asked
    const replied = (error: number) => {
      if (this.#request !== asked) return
      if (error === Code.ok) {
        this.#armed = true
        this.#pause = THROTTLE_PAUSE
        this.#signal({ type: 'armed' })
      } else if (mayPass(error)) {
        this.#timing.after(
          this.#pause,
          () => this.#request === asked && this.#session.connected && this.#arm(),
        )
        this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE)
      } else {
        this.#request = undefined
        const problem = failure(error, `watch ${this.#layout.root}`)
        for (const subscriber of [...this.#subscribers]) subscriber.error(problem)
      }
    }
    const frame = watchFrame(Op.addWatch, this.#layout.root, 'subtree')
    this.#session.send({ type: Op.addWatch, frame, replied, lost: () => {} })
  }
}
