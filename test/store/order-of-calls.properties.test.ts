import fc from 'fast-check'
import { lastValueFrom, map, type Observable, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import {
  deleteKV,
  json,
  type KVStore,
  lookupKV,
  memoryStore,
  updateKV,
  upsertKV,
  zookeeperStore,
} from '../../src/index.ts'
import { lmdbStore } from '../../src/lmdb.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'

type State = Map<string, number>

/** Something that is asked of a store, and what it does to a Map. */
interface Asked {
  readonly name: string
  readonly key: string
  readonly value: number
}

const names = [
  'get$',
  'getAll$',
  'lookupKV',
  'put$',
  'upsertKV',
  'putAll$',
  'delete$',
  'deleteKV',
  'update$',
  'updateKV',
  'transact$',
] as const

const asked: fc.Arbitrary<Asked> = fc.record({
  name: fc.constantFrom(...names),
  key: fc.constantFrom('a', 'b'),
  value: fc.nat(9),
})

const other = (key: string): string => (key === 'a' ? 'b' : 'a')

/** What a store emits of a question, in a form that can be compared. */
function askStore(store: KVStore<number>, { name, key, value }: Asked): Observable<unknown> {
  const add = (current = 0): number => current + value
  switch (name) {
    case 'get$':
      return store.get$(key)
    case 'getAll$':
      return store.getAll$([key, other(key)]).pipe(map(found => [...found].sort()))
    case 'lookupKV':
      return of(key).pipe(lookupKV(store, key => key, { project: (_, value) => value }))
    case 'put$':
      return store.put$(key, value).pipe(map(({ value }) => value))
    case 'upsertKV':
      return of(key).pipe(upsertKV(store, key => [key, value]))
    case 'putAll$':
      return store
        .putAll$([
          [key, value],
          [other(key), value + 1],
        ])
        .pipe(map(entries => entries.map(({ value }) => value)))
    case 'delete$':
      return store.delete$(key)
    case 'deleteKV':
      return of(key).pipe(deleteKV(store, key => key))
    case 'update$':
      return store.update$(key, add).pipe(map(entry => entry?.value))
    case 'updateKV':
      return of(key).pipe(
        updateKV(
          store,
          key => key,
          (_, current) => add(current),
        ),
        map(([, value]) => value),
      )
    default:
      return store
        .transact$([
          { type: 'delete', key },
          { type: 'put', key: other(key), value },
        ])
        .pipe(map(([deleted]) => deleted?.type === 'delete' && deleted.existed))
  }
}

/** The same of a Map. */
function askMap(state: State, { name, key, value }: Asked): unknown {
  const current = state.get(key)
  switch (name) {
    case 'get$':
    case 'lookupKV':
      return current
    case 'getAll$':
      return [...state].sort()
    case 'put$':
      state.set(key, value)
      return value
    case 'upsertKV':
      state.set(key, value)
      return key
    case 'putAll$':
      state.set(key, value).set(other(key), value + 1)
      return [value, value + 1]
    case 'delete$':
      return state.delete(key)
    case 'deleteKV':
      state.delete(key)
      return key
    case 'update$':
    case 'updateKV':
      state.set(key, (current ?? 0) + value)
      return state.get(key)
    default: {
      const existed = state.delete(key)
      state.set(other(key), value)
      return existed
    }
  }
}

const value = json<number>()

describe.each([
  ['memory', 300, () => (cache: number) => memoryStore({ value, cache })],
  [
    'LMDB',
    60,
    () => {
      const path = temporaryFolder()
      return (cache: number) => lmdbStore({ path, root: freshRoot('order').slice(1), value, cache })
    },
  ],
  [
    'ZooKeeper',
    60,
    () => (cache: number) => zookeeperStore({ servers, root: freshRoot('order'), value, cache }),
  ],
] as const)('%s', (_, numRuns, place) => {
  it('whatever is asked for in one turn comes to what the order of asking says', async () => {
    const open = place()
    const turns = fc.array(fc.array(asked, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(turns, fc.constantFrom(0, 1, 10), async (turns, cache) => {
        await using store = open(cache)
        const state: State = new Map()
        for (const turn of turns) {
          const answers = turn.map(each => lastValueFrom(askStore(store, each)))
          const expected = turn.map(each => askMap(state, each))
          expect(await Promise.all(answers)).toEqual(expected)
        }
      }),
      { numRuns },
    )
  })
})
