import { firstValueFrom, from, of, toArray } from 'rxjs'
import { job, json, type KVStore, ownPartitions$, processKV } from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { all, fails } from '../../src/testing/contract/assertions.ts'
import { until } from '../faults/support/until.ts'
import { enginesOf, keysOf, memoriesOf, storeOver } from './memories.ts'

const [first, second] = keysOf(2, 3) as [string[], string[]]

interface Item {
  readonly key: string
  readonly at: number
}

/** Takes the partition over and processes what comes after its position; gives that position. */
async function process(store: KVStore<number>, items: readonly Item[], commitSize = 10) {
  const owned = await firstValueFrom(ownPartitions$<number>(store, { group: 'g', partitions$: of(['p']) }))
  const { position = 0 } = owned
  const count = processKV(
    store,
    ({ key }: Item) => key,
    (_, n = 0) => n + 1,
    { partition: owned, positionOf: ({ at }) => at, commitSize, project: ({ at }) => at },
  )
  return { position, outputs: await firstValueFrom(from(items.slice(position)).pipe(count, toArray())) }
}

const itemsOf = (keys: readonly string[]): Item[] => keys.map((key, i) => ({ key, at: i + 1 }))

test('a shard that sees no records does not hold back where reading begins again', async () => {
  const memories = memoriesOf(2)
  const items = itemsOf([second[0]!, ...new Array(500).fill(first[0]!), ...new Array(500).fill(second[1]!)])
  await using store = storeOver(enginesOf(memories))
  expect((await process(store, items.slice(0, 501))).outputs).toHaveLength(501)
  await using next = storeOver(enginesOf(memories))
  // At most what was under way when the last commit was made: four commits, and itself.
  const again = await process(next, items)
  expect(again.position).toBeGreaterThanOrEqual(501 - 5 * 10)
  expect(again.outputs).toEqual(items.slice(501).map(({ at }) => at))
  expect((await all(next.entries$())).map(({ value }) => value).sort()).toEqual([1, 500, 500])
})

test('where the input gives other records than it did, the stream ends before anything is counted', async () => {
  const memories = memoriesOf(2)
  await using store = storeOver(enginesOf(memories))
  const items = itemsOf([first[0]!, second[0]!, first[1]!, second[1]!])
  await process(store, items, 1)
  await using next = storeOver(enginesOf(memories))
  const owned = await firstValueFrom(ownPartitions$<number>(next, { group: 'g', partitions$: of(['p']) }))
  const { position = 0 } = owned
  // The last one that the second shard has is gone.
  const others = [...items.slice(position, 3), { key: second[2]!, at: 5 }]
  const count = processKV(
    next,
    ({ key }: Item) => key,
    () => 1,
    { partition: owned, positionOf: ({ at }) => at },
  )
  const { position: lost } = await fails(from(others).pipe(count), 'POSITION_LOST')
  expect(lost).toBe(4)
  expect(await all(next.keys$())).toEqual([first[0]!, first[1]!, second[0]!, second[1]!].sort())
})

test('a partition of another store is refused', async () => {
  await using store = storeOver(enginesOf(memoriesOf(2)))
  await using other = storeOver(enginesOf(memoriesOf(3)))
  const partition = await firstValueFrom(ownPartitions$(store, { group: 'g', partitions$: of(['p']) }))
  const count = () =>
    processKV(
      other,
      (key: string) => key,
      () => 1,
      { partition, positionOf: () => 1 },
    )
  expect(count).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('a job goes on when the session of a shard expires that has no members', async () => {
  const memories = memoriesOf(2)
  const engines = enginesOf(memories)
  await using store = storeOver(engines)
  const input = memoryInput<string>({ p: [first[0]!, second[0]!] }, { live: true })
  const outputs: number[] = []
  const lost: string[] = []
  const run = job({
    name: 'counting',
    value: json<number>(),
    store,
    input,
    keyOf: key => key,
    transform: (_, n = 0) => n + 1,
    output: (_, { position }) => void outputs.push(position as number),
  }).run({ signals: [] })
  run.subscribe(event => event.type === 'lost' && lost.push(event.partition))
  await until('there are outputs', () => outputs.length === 2)
  engines[1]!.expire()
  input.append('p', first[0]!, second[0]!)
  input.end()
  await run
  expect(outputs).toEqual([1, 2, 3, 4])
  expect(lost).toEqual([])
  expect((await all(store.entries$())).map(({ value }) => value)).toEqual([2, 2])
})
