import { filter, map, type OperatorFunction } from 'rxjs'
import { FiredTimer, type KVStore, processKV } from 'rxkeeper'

const MINUTE = 60_000

/** A payment from an account, at a time in milliseconds. */
export interface Payment {
  readonly account: string
  readonly at: number
}

/** Accounts with three payments within ten minutes, and then none for five; `times` holds when their last payments were. */
export const suspicious =
  (times: KVStore<number[]>): OperatorFunction<Payment, string> =>
  source$ =>
    source$.pipe(
      processKV(
        times,
        payment => payment.account,
        ({ at }, before: number[] = [], timers) => {
          const recent = [...before, at].filter(time => time > at - 10 * MINUTE)
          if (recent.length >= 3) timers.set(at + 5 * MINUTE)
          else timers.clear()
          return recent
        },
        { timers: { name: 'suspicious', timeOf: payment => payment.at, onTimer: () => undefined } },
      ),
      map(([cause]) => cause),
      filter(cause => cause instanceof FiredTimer),
      map(({ key }) => key),
    )
