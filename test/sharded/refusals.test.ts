import { from, of } from 'rxjs'
import { ownPartitions$, processKV } from 'rxkeeper'
import { expect, test } from 'vitest'
import { all, fails } from '../../src/testing/contract/assertions.ts'
import { enginesOf, keysOf, memoriesOf, storeOver } from './memories.ts'

test('processKV commits keys of one shard, and refuses a commit over several before anything is sent', async () => {
  await using store = storeOver(enginesOf(memoriesOf(2)))
  const [first, second] = keysOf(2, 3) as [string[], string[]]
  const count = processKV(
    store,
    (key: string) => key,
    (_, n = 0) => n + 1,
  )
  expect(await all(from(first).pipe(count))).toEqual(first.map(key => [key, 1]))
  const { message } = await fails(from([...first, ...second]).pipe(count), 'UNSUPPORTED')
  expect(message).toContain(`"${second[0]}", "${second[1]}" in shard 1`)
  const entries = await all(store.entries$())
  expect(entries.map(({ key, value }) => [key, value])).toEqual(first.map(key => [key, 1]))
})

test('owned partitions are refused', async () => {
  await using store = storeOver(enginesOf(memoriesOf(2)))
  const owned$ = ownPartitions$(store, { group: 'g', partitions$: of(['p']) })
  await fails(owned$, 'UNSUPPORTED')
})
