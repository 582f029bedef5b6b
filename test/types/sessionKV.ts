import { type Observable, of } from 'rxjs'
import { json, memoryStore, type Session, type Sessions, type SessionUpdate, sessionKV } from 'rxkeeper'
import { type } from './expect.ts'

interface Visit {
  readonly user: string
  readonly at: Date
}

const visits$ = of<Visit>({ user: 'alice', at: new Date() })
const sessions = memoryStore({ value: json<Sessions<number>>() })
const options = { timeOf: (visit: Visit) => visit.at, gap: 1000 }

// Records and values are inferred from the source and the store; a late record has no session.
type<Observable<[record: Visit, session: SessionUpdate<number> | undefined]>>()(
  visits$.pipe(
    sessionKV(
      sessions,
      visit => visit.user,
      (visit, count = 0) => count + visit.user.length,
      {
        timeOf: visit => visit.at,
        gap: 1000,
        grace: 5000,
        merge: (earlier, later) => earlier + later,
        deadLetter: ({ error, record }) => console.log(error.code, record.user),
      },
    ),
  ),
)
type<readonly Session<number>[]>()({} as SessionUpdate<number>['closed'])

const userOf = (visit: Visit): string => visit.user

// @ts-expect-error the gap is needed
visits$.pipe(sessionKV(sessions, userOf, () => 1, { timeOf: visit => visit.at })) // biome-ignore format: one line
// @ts-expect-error so are the options
visits$.pipe(sessionKV(sessions, userOf, () => 1)) // biome-ignore format: one line
// @ts-expect-error a time is a number or a Date
visits$.pipe(sessionKV(sessions, userOf, () => 1, { timeOf: visit => visit.user, gap: 1 })) // biome-ignore format: one line
// @ts-expect-error a session always has a value
visits$.pipe(sessionKV(sessions, userOf, () => undefined, options)) // biome-ignore format: one line
// @ts-expect-error the value before may be absent
visits$.pipe(sessionKV(sessions, userOf, (_, count) => count + 1, options)) // biome-ignore format: one line
// @ts-expect-error the store holds lists of sessions
visits$.pipe(sessionKV(memoryStore({ value: json<number>() }), userOf, () => 1, options)) // biome-ignore format: one line
