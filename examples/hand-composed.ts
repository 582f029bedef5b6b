/**
 * The process loop composed by hand: `lookupKV`, `map`, `upsertKV` inside `perKey`, timed by `measure`.
 *
 *   npx tsx --conditions=rxkeeper-source examples/hand-composed.ts [STORE-URL]
 *
 * Without `perKey` two records of one key could both read the old value; `processKV` does the same in fewer round trips.
 */
import { lastValueFrom, map, pipe, tap } from 'rxjs'
import { json, lookupKV, measure, openStore, perKey, pull$, upsertKV } from 'rxkeeper'

interface Click {
  readonly user: string
  readonly page: string
}

const clicks: Click[] = [
  { user: 'alice', page: '/' },
  { user: 'bob', page: '/' },
  { user: 'alice', page: '/shoes' },
  { user: 'alice', page: '/cart' },
]

await using store = openStore(process.argv[2] ?? 'memory:', { value: json<string[]>() })

const remember = perKey(
  (click: Click) => click.user,
  pipe(
    lookupKV(store, (click: Click) => click.user),
    map(([click, pages = []]) => ({ user: click.user, pages: [...pages, click.page] })),
    upsertKV(store, ({ user, pages }) => [user, pages]),
  ),
)

await lastValueFrom(
  pull$(clicks).pipe(
    measure(remember, {
      store,
      interval: 1000,
      next: ({ total }) =>
        console.log(
          `${total.records} clicks, ${total.failed} failed, up ${Math.round(100 * total.availability)} %`,
        ),
    }),
    tap(({ user, pages }) => console.log(user, pages.join(' '))),
  ),
)
