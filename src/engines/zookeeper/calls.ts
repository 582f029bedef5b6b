import type { Subscription } from 'rxjs'
import { KVError } from '../../errors.ts'
import type { Timing } from '../../timing.ts'
import type { Request } from './connection.ts'
import type { Session } from './session.ts'

/** Something to be done on the server, by its deadline, over as many connections as it takes. */
export interface Call {
  /** In milliseconds of the engine's timing. */
  readonly deadline: number
  /** Gives up what is out of time, where that is not all; false where it is. */
  expire?(now: number, reason: KVError): boolean
  /** Sends what is next; called when connected, and again after each {@link Calls.resume}. */
  proceed(): void
  /** Gives up: out of time, closed, or refused for good. The call says of itself whether something may have been done. */
  abandon(reason: KVError): void
}

/** How long to wait when the server throttles, in milliseconds. */
export const THROTTLE_PAUSE = 50
const LONGEST_TIMER = 0x7fff_ffff

/** The calls under way: lets them wait for the connection, and ends each at its deadline. */
export class Calls {
  readonly #session: Session
  readonly #timing: Timing
  readonly #active = new Set<Call>()
  #waiting = new Set<Call>()
  #timer: Subscription | undefined
  #timerDue = Number.POSITIVE_INFINITY
  #ended: KVError | undefined
  #admitted = false
  #whenIdle: (() => void) | undefined

  constructor(session: Session, timing: Timing) {
    this.#session = session
    this.#timing = timing
  }

  /** Begins a call. */
  start(call: Call): void {
    if (this.#ended !== undefined) {
      call.abandon(this.#ended)
      return
    }
    const now = this.#timing.now()
    // What is late of it does not take the rest along.
    if (call.deadline <= now && !call.expire?.(now, this.#late())) {
      call.abandon(this.#late())
      return
    }
    this.#active.add(call)
    this.#schedule(call.deadline)
    this.resume(call)
  }

  /** Lets a call proceed: now, or when the connection is there. */
  resume(call: Call): void {
    if (this.#session.connected && this.#admitted) call.proceed()
    else this.#waiting.add(call)
  }

  /** Whether a call has begun and is not done. */
  isActive(call: Call): boolean {
    return this.#active.has(call)
  }

  /** Forgets a call that is done. */
  finish(call: Call): void {
    this.#active.delete(call)
    this.#waiting.delete(call)
    if (this.#active.size === 0) this.#whenIdle?.()
  }

  /**
   * Sends a frame of `call`. What comes back when the call is done already is not told, but to `late`, which is called
   * instead of the others.
   */
  send(
    call: Call,
    type: number,
    frame: Buffer,
    replied: Request['replied'],
    lost: () => void,
    late?: () => void,
  ): void {
    this.#session.send({
      type,
      frame,
      replied: (error, zxid, reply) => {
        if (this.#active.has(call)) replied(error, zxid, reply)
        else late?.()
      },
      lost: () => {
        if (this.#active.has(call)) lost()
        else late?.()
      },
    })
  }

  /** Lets a call proceed after a pause, because the server did nothing and asked to be asked later. */
  pause(call: Call): void {
    this.#timing.after(THROTTLE_PAUSE, () => this.#active.has(call) && this.resume(call))
  }

  /** Nothing proceeds until {@link admit}. */
  hold(): void {
    this.#admitted = false
  }

  /** Connected, and the root was looked at: everything that waits proceeds. */
  admit(): void {
    this.#admitted = true
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const call of waiting) this.resume(call)
  }

  /** No call is begun from now on. Those that wait for a connection are abandoned; resolves when the others are done. */
  close(reason: KVError): Promise<void> {
    this.#ended = reason
    if (!this.#session.connected || !this.#admitted) this.fail(reason)
    return new Promise<void>(resolve => {
      if (this.#active.size === 0) resolve()
      else this.#whenIdle = resolve
    }).then(() => this.#timer?.unsubscribe())
  }

  /** Abandons every call, and every later one. */
  fail(reason: KVError): void {
    this.#ended ??= reason
    for (const call of [...this.#active]) this.#abandon(call, reason)
  }

  #abandon(call: Call, reason: KVError): void {
    this.finish(call)
    call.abandon(reason)
  }

  #late(): KVError {
    const { state, reason } = this.#session.status$.value
    return new KVError(
      'TIMEOUT',
      state === 'connected' ? 'out of time' : `out of time while ${state} (${reason})`,
    )
  }

  /** One timer for all deadlines, set for the first. */
  #schedule(deadline: number): void {
    if (deadline >= this.#timerDue) return
    this.#timer?.unsubscribe()
    this.#timerDue = deadline
    const delay = Math.min(Math.ceil(deadline - this.#timing.now()), LONGEST_TIMER)
    this.#timer = this.#timing.after(Math.max(delay, 0), () => this.#expire())
  }

  #expire(): void {
    const now = this.#timing.now()
    const reason = this.#late()
    // Whoever is abandoned may begin another call at once, whose deadline then counts.
    this.#timerDue = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    for (const call of [...this.#active]) {
      if (call.deadline <= now && !call.expire?.(now, reason)) this.#abandon(call, reason)
      else next = Math.min(next, call.deadline)
    }
    if (next < Number.POSITIVE_INFINITY) this.#schedule(next)
  }
}
