import type { OperatorFunction } from 'rxjs'
import type { OperatorOptions } from '../options.ts'
import { wholeOrInfinite } from './arguments.ts'
import { KeyedPump, type KeyedWork } from './keyed-pump.ts'
import { Lineup } from './lineup.ts'
import { operate } from './operate.ts'
import { type Asking, Pump, type Work } from './pump.ts'

/** The operator that asks the store one question for each record. */
export function asking<T, Q, O extends Asking<T, Q>, A, R>(
  work: Work<T, Q, O, A, R>,
  options: OperatorOptions,
  fallback = 4096,
): OperatorFunction<T, R> {
  const concurrency = wholeOrInfinite('concurrency', options.concurrency, fallback)
  return operate(
    concurrency,
    (destination, capacity) =>
      new Pump(work, concurrency, new Lineup(destination, capacity, options.ordered ?? true)),
  )
}

/** The operator that works on each record, on those of one key one after the other. */
export function keyed<T, K, R>(work: KeyedWork<T, K, R>, options: OperatorOptions): OperatorFunction<T, R> {
  const concurrency = wholeOrInfinite('concurrency', options.concurrency, 1024)
  return operate(
    concurrency,
    (destination, capacity) =>
      new KeyedPump(work, concurrency, new Lineup(destination, capacity, options.ordered ?? true)),
  )
}
