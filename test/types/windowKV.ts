import { type Observable, of } from 'rxjs'
import {
  type FinalWindow,
  FiredTimer,
  json,
  memoryStore,
  parseWindowKey,
  type Window,
  type WindowSpan,
  type WindowUpdate,
  windowKey,
  windowKV,
} from 'rxkeeper'
import { type } from './expect.ts'

interface Visit {
  readonly user: string
  readonly at: Date
}

const visits$ = of<Visit>({ user: 'alice', at: new Date() })
const counts = memoryStore({ value: json<Window<number>>() })
const timeOf = (visit: Visit): Date => visit.at
const userOf = (visit: Visit): string => visit.user
declare const keep: number | undefined

// Nothing is dropped without `keep`, so that the window is always there.
type<Observable<[record: Visit, window: WindowUpdate<number>]>>()(
  visits$.pipe(
    windowKV(
      counts,
      visit => visit.user,
      (visit, count = 0, window) => {
        type<Visit>()(visit)
        type<WindowSpan>()(window)
        return count + 1
      },
      { timeOf: visit => visit.at, size: 1000 },
    ),
  ),
)
type<Observable<[record: Visit, window: WindowUpdate<number>]>>()(
  visits$.pipe(
    windowKV(counts, userOf, (_, count = 0) => count + 1, { timeOf, size: 1000, keep: undefined }),
  ),
)
type<Observable<[record: Visit, window: WindowUpdate<number> | undefined]>>()(
  visits$.pipe(windowKV(counts, userOf, (_, count = 0) => count + 1, { timeOf, size: 1000, keep: 24 })),
)
type<Observable<[record: Visit, window: WindowUpdate<number> | undefined]>>()(
  visits$.pipe(windowKV(counts, userOf, (_, count = 0) => count + 1, { timeOf, size: 1000, keep })),
)
type<{ readonly key: string; readonly start: number } | undefined>()(
  parseWindowKey(windowKey('a', new Date())),
)

// @ts-expect-error a window has a value: there is nothing to delete
windowKV(counts, userOf, () => undefined, { timeOf, size: 1000 })
// @ts-expect-error the value may be absent
windowKV(counts, userOf, (_, count) => count + 1, { timeOf, size: 1000 })
// @ts-expect-error when did it happen
windowKV(counts, userOf, (_, count = 0) => count + 1, { size: 1000 })
// @ts-expect-error how long is a window
windowKV(counts, userOf, (_, count = 0) => count + 1, { timeOf })
// @ts-expect-error the store holds windows
windowKV(memoryStore({ value: json<number>() }), userOf, () => 1, { timeOf, size: 1000 })

type<Observable<FinalWindow<number>>>()(
  visits$.pipe(
    windowKV(
      counts,
      visit => visit.user,
      (visit, count = 0) => {
        type<Visit>()(visit)
        return count + 1
      },
      {
        timeOf: visit => visit.at,
        size: 1000,
        emit: 'final',
        name: 'visits',
        deadLetter: ({ record }) => {
          if (!(record instanceof FiredTimer)) type<Visit>()(record)
        },
      },
    ),
  ),
)
// @ts-expect-error: only final results come at some time
windowKV(counts, userOf, (_, count = 0) => count + 1, { timeOf, size: 1000, lateness: 5 })
