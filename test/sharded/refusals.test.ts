import { from } from 'rxjs'
import { processKV } from 'rxkeeper'
import { expect, test } from 'vitest'
import { all, fails } from '../../src/testing/contract/assertions.ts'
import { enginesOf, keysOf, memoriesOf, storeOver } from './memories.ts'

test('writes of commitWith must be where the keys of the records are; nothing is sent otherwise', async () => {
  await using store = storeOver(enginesOf(memoriesOf(2)))
  const [first, second] = keysOf(2, 3) as [string[], string[]]
  const counting = (beside: string) =>
    processKV(
      store,
      (key: string) => key,
      (_, n = 0) => n + 1,
      { commitWith: records => [{ type: 'put', key: beside, value: records.length }] },
    )
  expect(await all(from(first.slice(1)).pipe(counting(first[0]!)))).toHaveLength(2)
  const { message } = await fails(from(first.slice(1)).pipe(counting(second[0]!)), 'UNSUPPORTED')
  expect(message).toContain(`"${first[1]}", "${first[2]}" in shard 0, "${second[0]}" in shard 1`)
  const entries = await all(store.entries$())
  expect(entries.map(({ key, value }) => [key, value])).toEqual([
    [first[0], 2],
    [first[1], 1],
    [first[2], 1],
  ])
})
