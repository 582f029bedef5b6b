/**
 * The documented loop, word for word: read the stored value, upper-case it, put it back, emit.
 *
 *   npx tsx --conditions=rxkeeper-source examples/uppercase.ts [STORE-URL]
 */
import { from, lastValueFrom, tap } from 'rxjs'
import { openStore, processKV, text } from 'rxkeeper'

const people = ['alice', 'bob', 'carol']

await using store = openStore(process.argv[2] ?? 'memory:', { value: text })
await lastValueFrom(store.putAll$(people.map(person => [person, `${person} was here`])))

await lastValueFrom(
  from(people).pipe(
    processKV(
      store,
      person => person,
      (_, stored = '') => stored.toUpperCase(),
    ),
    tap(([person, value]) => console.log(`${person}: ${value}`)),
  ),
)
