import { map, type Observable, of } from 'rxjs'
import {
  type Change,
  deleteKV,
  type Entry,
  insertKV,
  type JoinBuffers,
  joinKV,
  joinTableKV,
  joinTables$,
  json,
  lookupKV,
  measure,
  memoryStore,
  perKey,
  processKV,
  pull$,
  type Sessions,
  type Sided,
  type Snapshot,
  sessionKV,
  updateKV,
  upsertKV,
  type Window,
  windowKV,
} from 'rxkeeper'
import { type } from './expect.ts'

interface Visit {
  readonly user: string
  readonly page: string
}

const visits$ = of<Visit>({ user: 'alice', page: '/' })
const counts = memoryStore({ value: json<number>() })

// Records and values are inferred from the source and the store.
type<Observable<[record: Visit, stored: number | undefined]>>()(
  visits$.pipe(lookupKV(counts, visit => visit.user)),
)
type<Observable<string>>()(
  visits$.pipe(
    lookupKV(counts, visit => visit.user, {
      project: (visit, count = 0) => `${visit.page} ${count.toFixed()}`,
      concurrency: 4,
    }),
  ),
)
type<Observable<Visit>>()(visits$.pipe(upsertKV(counts, visit => [visit.user, visit.page.length])))
type<Observable<[record: Visit, inserted: boolean]>>()(
  visits$.pipe(insertKV(counts, visit => [visit.user, visit.page.length])),
)
type<Observable<Visit>>()(visits$.pipe(deleteKV(counts, visit => visit.user)))
type<Observable<[record: Visit, value: number]>>()(
  visits$.pipe(
    updateKV(
      counts,
      visit => visit.user,
      (_, count = 0) => count + 1,
    ),
  ),
)
type<Observable<[record: Visit, value: number]>>()(
  visits$.pipe(
    processKV(
      counts,
      visit => visit.user,
      (_, count = 0) => count + 1,
    ),
  ),
)
// A transform that may delete gives undefined to those below.
type<Observable<[record: Visit, value: number | undefined]>>()(
  visits$.pipe(
    processKV(
      counts,
      visit => visit.user,
      (_, count = 0) => (count > 9 ? undefined : count + 1),
    ),
  ),
)
type<Observable<boolean>>()(
  visits$.pipe(
    perKey(
      visit => visit.user,
      visit$ => {
        type<Observable<Visit>>()(visit$)
        return of(true)
      },
    ),
  ),
)
type<Observable<number>>()(pull$([1, 2]))
type<Observable<Visit>>()(
  visits$.pipe(
    measure(
      upsertKV(counts, visit => [visit.user, 1]),
      { interval: 100, next: snapshot => type<Snapshot>()(snapshot) },
    ),
  ),
)

// @ts-expect-error a key is a string
visits$.pipe(lookupKV(counts, visit => visit.page.length))
// @ts-expect-error no such field
visits$.pipe(lookupKV(counts, visit => visit.name))
// @ts-expect-error the stored value may be absent
visits$.pipe(lookupKV(counts, visit => visit.user, { project: (_, count) => count.toFixed() })) // biome-ignore format: one line
// @ts-expect-error a value of another type
visits$.pipe(upsertKV(counts, visit => [visit.user, visit.page]))
// @ts-expect-error an entry is a pair
visits$.pipe(upsertKV(counts, visit => visit.user))
// @ts-expect-error the result is no value of the store
visits$.pipe(processKV(counts, visit => visit.user, () => 'one')) // biome-ignore format: one line
// @ts-expect-error what is pulled is iterable
pull$(1)

// A transform may destructure its value, with a default.
interface Sum {
  readonly sum: number
  readonly n: number
}
const sums = memoryStore({ value: json<Sum>() })
const userOf = (visit: Visit): string => visit.user
type<Observable<[record: Visit, value: { sum: number; n: number }]>>()(
  visits$.pipe(
    processKV(sums, userOf, (visit, { sum, n } = { sum: 0, n: 0 }) => ({
      sum: sum + visit.page.length,
      n: n + 1,
    })),
  ),
)
type<Observable<[record: Visit, value: { sum: number; n: number }]>>()(
  visits$.pipe(
    updateKV(
      sums,
      visit => visit.user,
      (visit, { sum, n } = { sum: 0, n: 0 }) => ({ sum: sum + visit.page.length, n: n + 1 }),
    ),
  ),
)
visits$.pipe(
  windowKV(
    memoryStore({ value: json<Window<Sum>>() }),
    userOf,
    (visit, { sum, n } = { sum: 0, n: 0 }) => ({ sum: sum + visit.page.length, n: n + 1 }),
    { timeOf: () => 0, size: 1 },
  ),
  sessionKV(
    memoryStore({ value: json<Sessions<Sum>>() }),
    ([visit]) => visit.user,
    ([visit], { sum, n } = { sum: 0, n: 0 }) => ({ sum: sum + visit.page.length, n: n + 1 }),
    { timeOf: () => 0, gap: 1 },
  ),
)
type<Observable<Entry<Sum>>>()(sums.update$('a', ({ sum, n } = { sum: 0, n: 0 }) => ({ sum, n: n + 1 })))
type<Observable<Entry<number> | undefined>>()(counts.update$('a', (n = 0) => (n > 9 ? undefined : n + 1)))
// @ts-expect-error the default is no value of the store
visits$.pipe(processKV(sums, userOf, (_, { sum } = { sum: '0' }) => ({ sum, n: 1 })))
// @ts-expect-error what it returns is none
visits$.pipe(processKV(sums, userOf, (_, { n } = { sum: 0, n: 0 }) => ({ n })))
type<Observable<[record: Visit, stored: number | undefined]>>()(
  visits$.pipe(joinTableKV(counts, visit => visit.user, { prefix: 'a', concurrency: 10 })),
)
type<Observable<string>>()(
  visits$.pipe(
    joinTableKV(counts, visit => visit.user, { project: (visit, count = 0) => `${visit.page} ${count}` }),
  ),
)
// @ts-expect-error: no such option, records come out in order
joinTableKV(counts, (visit: Visit) => visit.user, { ordered: false })

const names = memoryStore({ value: json<string>() })
const joined = { foreignKey: (count: number) => `${count}` }
type<Observable<Change<string>>>()(
  joinTables$(counts, names, memoryStore({ value: json<string>() }), {
    ...joined,
    join: (count, name, key) => `${count.toFixed()} ${name.trim()} ${key.trim()}`,
  }),
)
joinTables$(counts, names, memoryStore({ value: json<string>() }), {
  ...joined,
  type: 'left',
  // @ts-expect-error: there may be none
  join: (count, name) => `${count} ${name.trim()}`,
})

const waiting = memoryStore({ value: json<JoinBuffers<Visit, number>>() })
const sides = {
  left: { keyOf: ({ user }: Visit) => user, timeOf: () => 0 },
  right: { keyOf: (count: number) => `${count}`, timeOf: (count: number) => count },
}
const both$ = visits$.pipe(map((left): Sided<Visit, number> => ({ left })))
type<Observable<[left: Visit, right: number]>>()(both$.pipe(joinKV(waiting, { ...sides, name: 'n' })))
type<Observable<[left: Visit, right: number | undefined]>>()(
  both$.pipe(joinKV(waiting, { ...sides, name: 'n', type: 'left' })),
)
type<Observable<string>>()(
  both$.pipe(
    joinKV(waiting, {
      ...sides,
      name: 'n',
      type: 'outer',
      project: (visit, count) => `${visit?.user} ${count?.toFixed()}`,
    }),
  ),
)
// @ts-expect-error: the store holds records of the left side that are no numbers
joinKV(waiting, { ...sides, left: sides.right })
