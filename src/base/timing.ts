import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs'

/** The clock, the timers and the end of the turn, of the process or of a scheduler that was given for tests. */
export interface Timing {
  /** Milliseconds since some fixed point, never going back. */
  now(): number
  /** Runs `work` at the end of this turn of the event loop, after the promises that are settled in it. */
  defer(work: () => void): void
  /** Runs `work` after `delay` milliseconds, unless unsubscribed. */
  after(delay: number, work: () => void): Subscription
  /** As `after`, but what has arrived while the event loop was held up is read first. */
  afterReading(delay: number, work: () => void): Subscription
  /** Milliseconds since 1970, for what is stored. */
  date(): number
}

/** After so many ticks in a row the event loop is let turn, so that an engine that answers at once starves nobody. */
const TICKS_IN_A_ROW = 256
let ticks = 0

const processTiming: Timing = {
  now: () => performance.now(),
  // Unlike a microtask, a tick that is asked for in a microtask runs when no microtask is left:
  // whatever the continuations of one batch of replies ask for is gathered in one batch.
  defer: work => {
    if (++ticks % TICKS_IN_A_ROW === 0) setImmediate(work)
    else process.nextTick(work)
  },
  after: (delay, work) => asyncScheduler.schedule(work, delay),
  afterReading(delay, work) {
    let immediate: NodeJS.Immediate | undefined
    const timer = setTimeout(() => {
      immediate = setImmediate(work)
    }, delay)
    return new Subscription(() => {
      clearTimeout(timer)
      clearImmediate(immediate)
    })
  },
  date: () => Date.now(),
}

/** The timing of `scheduler`, or of the process. */
export const timingOf = (scheduler: SchedulerLike | undefined): Timing =>
  scheduler === undefined
    ? processTiming
    : {
        now: () => scheduler.now(),
        defer: work => void scheduler.schedule(work),
        after: (delay, work) => scheduler.schedule(work, delay),
        afterReading: (delay, work) => scheduler.schedule(work, delay),
        date: () => scheduler.now(),
      }
