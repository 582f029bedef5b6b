import assert from 'node:assert/strict'
import { from, lastValueFrom, map, toArray } from 'rxjs'
import { json, memoryStore, processKV } from 'rxkeeper'

const store = memoryStore({ value: json() })
const counts = from(['a', 'b', 'a', 'a']).pipe(
  processKV(
    store,
    letter => letter,
    (_, count = 0) => count + 1,
  ),
  map(([letter, count]) => `${letter}${count}`),
  toArray(),
)
assert.deepEqual(await lastValueFrom(counts), ['a1', 'b1', 'a2', 'a3'])
assert.deepEqual(await lastValueFrom(store.getAll$(['a', 'b'])), new Map(Object.entries({ a: 3, b: 1 })))
await store.close()
