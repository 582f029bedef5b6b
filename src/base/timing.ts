import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs'

/** The clock, the timers and the end of the turn: those of the process, or of a scheduler for tests. */
export interface Timing {
  /** Milliseconds since some fixed point, monotonic. */
  now(): number
  /** Runs `work` at the end of this turn of the event loop, after the promises that are settled in it. */
  defer(work: () => void): void
  /** Runs `work` after `delay` milliseconds, unless unsubscribed. */
  after(delay: number, work: () => void): Subscription
  /** As `after`, but data that arrived while the event loop was blocked are read first. */
  afterReading(delay: number, work: () => void): Subscription
  /** Milliseconds since 1970, for stored times. */
  date(): number
}

/**
 * After this many ticks in a row the event loop gets a turn, so that an engine that answers at once does not starve it.
 */
const TICKS_IN_A_ROW = 256
let ticks = 0

const processTiming: Timing = {
  now: () => performance.now(),
  // Unlike a microtask, a tick requested in a microtask runs when no microtask is left:
  // so everything that the continuations of one batch of replies request goes into one batch.
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
