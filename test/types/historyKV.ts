import { type Observable, of } from 'rxjs'
import { historyKV, json, memoryStore } from 'rxkeeper'
import { type } from './expect.ts'

interface Visit {
  readonly user: string
  readonly page: string
}

interface NamedVisit extends Visit {
  readonly name: string
}

const visits$ = of<NamedVisit>({ user: 'alice', page: '/', name: 'Alice' })
const histories = memoryStore({ value: json<readonly Visit[]>() })

// The record is what comes, the history what the store holds.
type<Observable<[record: NamedVisit, history: readonly Visit[]]>>()(
  visits$.pipe(
    historyKV(histories, visit => visit.name, { keep: 3, age: 1000, timeOf: visit => visit.page.length }),
  ),
)
type<Observable<[record: NamedVisit, history: readonly Visit[]]>>()(
  visits$.pipe(historyKV(histories, visit => visit.name)),
)

const userOf = (visit: Visit): string => visit.user

// @ts-expect-error the store holds other records
of(1).pipe(historyKV(histories, () => 'alice'))
// @ts-expect-error the store holds lists
visits$.pipe(historyKV(memoryStore({ value: json<Visit>() }), userOf))
// @ts-expect-error no such field of what the store holds
visits$.pipe(historyKV(histories, userOf, { sizeOf: visit => visit.name.length }))
// @ts-expect-error a time is a number or a Date
visits$.pipe(historyKV(histories, userOf, { timeOf: visit => visit.page }))
