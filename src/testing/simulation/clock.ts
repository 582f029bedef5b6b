import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'

/** The order of tasks due at the same moment, as in a turn of Node's event loop. */
export const Rank = { tick: 0, timer: 1, arrival: 2, afterReading: 3 } as const
export type Rank = (typeof Rank)[keyof typeof Rank]

interface Task {
  time: number
  readonly rank: Rank
  sequence: number
  readonly party: Party
  work: (() => void) | undefined
}

const isBefore = (a: Task, b: Task): boolean =>
  a.time !== b.time ? a.time < b.time : a.rank !== b.rank ? a.rank < b.rank : a.sequence < b.sequence

/** The date of a party's clock when a simulation begins, in milliseconds since 1970. */
const EPOCH = 1_700_000_000_000

/** A clock that jumps to the next task that is due. */
export class VirtualClock {
  #now = 0
  #sequence = 0
  /** A binary heap. */
  readonly #tasks: Task[] = []
  readonly #failed: (error: unknown, party: Party) => void

  /** `failed` gets the error of a task that throws. */
  constructor(failed: (error: unknown, party: Party) => void) {
    this.#failed = failed
  }

  /** The milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /**
   * Runs the due tasks one by one, each with all promise callbacks that follow from it, until `done`; returns false if
   * no task is left before `until`.
   */
  async run(done: () => boolean, until: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    for (;;) {
      await new Promise<void>(resolve => setImmediate(resolve))
      if (done()) return true
      const task = this.#tasks[0]
      if (task === undefined || task.time > until) {
        if (until < Number.POSITIVE_INFINITY) this.#now = Math.max(this.#now, until)
        return false
      }
      this.#take()
      if (task.work === undefined) continue
      const { party } = task
      if (party.pausedUntil > task.time) {
        task.time = party.pausedUntil
        this.#put(task)
        continue
      }
      this.#now = task.time
      const { work } = task
      task.work = undefined
      if (task.rank !== Rank.arrival) party.pending--
      try {
        work()
      } catch (error) {
        this.#failed(error, party)
      }
    }
  }

  add(party: Party, delay: number, rank: Rank, work: () => void): Task {
    const task: Task = { time: this.#now + Math.max(delay, 0), rank, sequence: this.#sequence++, party, work }
    if (rank !== Rank.arrival) party.pending++
    this.#put(task)
    return task
  }

  cancel(task: Task): void {
    if (task.work === undefined) return
    task.work = undefined
    if (task.rank !== Rank.arrival) task.party.pending--
  }

  #put(task: Task): void {
    const tasks = this.#tasks
    let at = tasks.length
    tasks.push(task)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(task, tasks[parent]!)) break
      tasks[at] = tasks[parent]!
      at = parent
    }
    tasks[at] = task
  }

  /** Removes the first task. */
  #take(): void {
    const tasks = this.#tasks
    const last = tasks.pop()!
    if (tasks.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= tasks.length) break
      if (child + 1 < tasks.length && isBefore(tasks[child + 1]!, tasks[child]!)) child++
      if (!isBefore(tasks[child]!, last)) break
      tasks[at] = tasks[child]!
      at = child
    }
    tasks[at] = last
  }
}

/**
 * A process or a server, with a clock and timers of its own. It can be paused, as by SIGSTOP or a long garbage
 * collection: tasks that become due meanwhile then run at once. It is also the scheduler of a store.
 */
export class Party implements SchedulerLike {
  readonly name: string
  readonly #clock: VirtualClock
  pausedUntil = 0
  /** The number of tasks that this party has scheduled itself; arrivals from others do not count. */
  pending = 0
  #alive = true

  constructor(clock: VirtualClock, name: string) {
    this.#clock = clock
    this.name = name
  }

  get alive(): boolean {
    return this.#alive
  }

  now(): number {
    return EPOCH + this.#clock.now
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    return new Action(this, work).schedule(state, delay)
  }

  /** Runs `work` after this many milliseconds, unless killed or unsubscribed before. */
  after(delay: number, work: () => void, rank: Rank = delay > 0 ? Rank.timer : Rank.tick): Subscription {
    const task = this.#clock.add(this, delay, rank, () => {
      if (this.#alive) work()
    })
    return new Subscription(() => this.#clock.cancel(task))
  }

  /** Does nothing for this many milliseconds. */
  pause(duration: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.#clock.now + duration)
  }

  /** Ends it for good. */
  kill(): void {
    this.#alive = false
    this.pausedUntil = 0
  }
}

class Action<T> extends Subscription implements SchedulerAction<T> {
  readonly #party: Party
  readonly #work: (this: SchedulerAction<T>, state?: T) => void
  #task: Subscription | undefined

  constructor(party: Party, work: (this: SchedulerAction<T>, state?: T) => void) {
    super(() => this.#task?.unsubscribe())
    this.#party = party
    this.#work = work
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this
    this.#task?.unsubscribe()
    const task = this.#party.after(delay, () => {
      this.#work.call(this, state as T)
      // Done, unless the work has scheduled itself again.
      if (this.#task === task) this.unsubscribe()
    })
    this.#task = task
    return this
  }
}
