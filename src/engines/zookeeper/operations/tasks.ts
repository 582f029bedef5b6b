import type { Subscription } from 'rxjs'
import { KVError } from '../../../base/errors.ts'
import type { Timing } from '../../../base/timing.ts'
import type { Packet } from '../session/connection.ts'
import type { Session } from '../session/session.ts'

/** Work to be done on the server by a deadline, over as many connections as it takes. */
export interface Task {
  /** In milliseconds, by the engine's timing. */
  readonly deadline: number
  /** Gives up the late part of it; returns false if that is all of it. */
  expire?(now: number, reason: KVError): boolean
  /** Sends the next requests; called when connected, and after each {@link Tasks.resume}. */
  proceed(): void
  /**
   * Gives up: too late, closed, or refused for good. The task itself decides whether it may have been carried out.
   */
  abandon(reason: KVError): void
}

/** The pause when the server throttles, in milliseconds. */
export const THROTTLE_PAUSE = 50
const LONGEST_TIMER = 0x7fff_ffff

function remove(tasks: Task[], task: Task): void {
  const index = tasks.indexOf(task)
  if (index >= 0) tasks.splice(index, 1)
}

/** The active tasks: makes them wait for the connection, and ends each at its deadline. */
export class Tasks {
  readonly #session: Session
  readonly #timing: Timing
  /**
   * An array, since there are few: a Set with many additions and deletions keeps its members from being collected
   * young.
   */
  readonly #active: Task[] = []
  #waiting: Task[] = []
  #timer: Subscription | undefined
  #timerDue = Number.POSITIVE_INFINITY
  #ended: KVError | undefined
  #admitted = false
  #heldBy: string | undefined
  #whenIdle: (() => void) | undefined

  constructor(session: Session, timing: Timing) {
    this.#session = session
    this.#timing = timing
  }

  /** Starts a task. */
  start(task: Task): void {
    if (this.#ended !== undefined) {
      task.abandon(this.#ended)
      return
    }
    const now = this.#timing.now()
    // Its late part does not end the rest.
    if (task.deadline <= now && !task.expire?.(now, this.#late())) {
      task.abandon(this.#late())
      return
    }
    this.#active.push(task)
    this.#schedule(task.deadline)
    this.resume(task)
  }

  /** Lets a task proceed: now, or once connected. */
  resume(task: Task): void {
    if (this.#session.connected && this.#admitted) task.proceed()
    else if (!this.#waiting.includes(task)) this.#waiting.push(task)
  }

  /** Whether a task was started and is not done. */
  isActive(task: Task): boolean {
    return this.#active.includes(task)
  }

  /** Removes a task that is done. */
  finish(task: Task): void {
    remove(this.#active, task)
    remove(this.#waiting, task)
    if (this.#active.length === 0) this.#whenIdle?.()
  }

  /**
   * Sends a frame of `task`. If the task is already done when the answer comes, only `late` is called.
   */
  send(
    task: Task,
    type: number,
    frame: Buffer,
    replied: Packet['replied'],
    lost: () => void,
    late?: () => void,
  ): void {
    this.#session.send({
      type,
      frame,
      replied: (error, zxid, reply) => {
        if (this.#active.includes(task)) replied(error, zxid, reply)
        else late?.()
      },
      lost: () => {
        if (this.#active.includes(task)) lost()
        else late?.()
      },
    })
  }

  /** Lets a task proceed after a pause, because the server throttled it. */
  pause(task: Task): void {
    this.#timing.after(THROTTLE_PAUSE, () => this.#active.includes(task) && this.resume(task))
  }

  /** Nothing proceeds until {@link admit}; who is out of time meanwhile is told the reason, where there is one. */
  hold(reason?: string): void {
    this.#admitted = false
    this.#heldBy = reason
  }

  /** Connected, and the root was looked at: everything that waits proceeds. */
  admit(): void {
    this.#admitted = true
    this.#heldBy = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const task of waiting) this.resume(task)
  }

  /**
   * Starts no more tasks. Those that wait for a connection are abandoned; resolves when the others are done.
   */
  close(reason: KVError): Promise<void> {
    this.#ended = reason
    if (!this.#session.connected || !this.#admitted) this.fail(reason)
    return new Promise<void>(resolve => {
      if (this.#active.length === 0) resolve()
      else this.#whenIdle = resolve
    }).then(() => this.#timer?.unsubscribe())
  }

  /** Abandons all tasks, present and future. */
  fail(reason: KVError): void {
    this.#ended ??= reason
    for (const task of [...this.#active]) this.#abandon(task, reason)
  }

  #abandon(task: Task, reason: KVError): void {
    this.finish(task)
    task.abandon(reason)
  }

  #late(): KVError {
    const { state, reason } = this.#session.status$.value
    return new KVError(
      'TIMEOUT',
      state === 'connected'
        ? `out of time${this.#heldBy === undefined ? '' : `: ${this.#heldBy}`}`
        : `out of time while ${state} (${reason})`,
    )
  }

  /** One timer for all deadlines, set for the earliest. */
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
    // An abandoned task may start another one at once, whose deadline then counts.
    this.#timerDue = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    for (const task of [...this.#active]) {
      if (task.deadline <= now && !task.expire?.(now, reason)) this.#abandon(task, reason)
      else next = Math.min(next, task.deadline)
    }
    if (next < Number.POSITIVE_INFINITY) this.#schedule(next)
  }
}
