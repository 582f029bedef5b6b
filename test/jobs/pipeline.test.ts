import { filter, firstValueFrom, map, mergeMap, of, pipe, tap, toArray } from 'rxjs'
import {
  type JobResult,
  type JobRun,
  job,
  joinTableKV,
  json,
  type KVError,
  Memory,
  memoryStore,
  processKV,
  type Sessions,
  sessionKV,
  type Window,
  windowKV,
} from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'
import { expect, test } from 'vitest'

interface Click {
  readonly user: string
  readonly at: number
}

const click = (user: string, at: number): Click => ({ user, at })
const clicks = [click('a', 0), click('b', 10), click('a', 20), click('a', 90), click('b', 95)]

const failureOf = (run: JobRun<unknown>): PromiseLike<KVError | JobResult> =>
  run.then<KVError | JobResult, KVError>(
    result => result,
    error => error,
  )

test('a job is any pipeline: windows', async () => {
  const outputs: unknown[] = []
  const { figures } = await job({
    name: 'windows',
    value: json<Window<number>>(),
    store: 'memory:',
    input: clicks,
    pipeline: ({ store, commit }) =>
      windowKV(
        store,
        ({ record }) => record.user,
        (_, count = 0) => count + 1,
        { ...commit, timeOf: ({ record }) => record.at, size: 60 },
      ),
    output: ([{ record }, { start, value }]) => {
      outputs.push([record.user, start, value])
    },
  }).run()
  expect(outputs).toEqual([
    ['a', 0, 1],
    ['b', 0, 1],
    ['a', 0, 2],
    ['a', 60, 1],
    ['b', 60, 1],
  ])
  expect(figures).toMatchObject({ outputs: 5, total: { records: 5 } })
})

test('a job is any pipeline: a join with a table, sessions, and more outputs than records, or fewer', async () => {
  await using names = memoryStore({ value: json<string>() })
  await firstValueFrom(names.put$('a', 'Ann'))
  const outputs: string[] = []
  const { figures } = await job({
    name: 'sessions',
    value: json<Sessions<number>>(),
    store: 'memory:',
    input: clicks,
    pipeline: ({ store, commit }) =>
      pipe(
        joinTableKV(names, ({ record }) => record.user),
        filter(([, name]) => name !== undefined),
        sessionKV(
          store,
          ([{ record }]) => record.user,
          (_, count = 0) => count + 1,
          { timeOf: ([{ record }]) => record.at, gap: 30 },
        ),
        mergeMap(([[item, name], session]) => of([item, `${name} ${session?.value}`, commit !== undefined])),
      ),
    output: ([, text]) => {
      outputs.push(text as string)
    },
  }).run()
  expect(outputs).toEqual(['Ann 1', 'Ann 2', 'Ann 1'])
  // What was filtered out was processed.
  expect(figures).toMatchObject({ outputs: 3, total: { records: 5 }, inFlight: 0 })
})

test('the position travels in the commits of the operator that takes `commit`; its dead letters go to the job', async () => {
  const memory = new Memory()
  const storeOn = () => memoryStore({ value: json<number>(), memory })
  const letters: unknown[] = []
  const counts: unknown[] = []
  const told: unknown[] = []
  const counting = job({
    name: 'positions',
    value: json<number>(),
    store: storeOn,
    input: ({ position }) => clicks.slice((position as number | undefined) ?? 0),
    position: { key: 'position', of: record => clicks.indexOf(record) + 1 },
    pipeline: ({ store, commit }) =>
      processKV(
        store,
        ({ record }) => record.user,
        ({ record }, count = 0) => {
          if (record.at === 20) throw new Error('bad')
          return count + 1
        },
        { ...commit, commitSize: 2 },
      ),
    output: ([{ record, position }, count], context) => {
      counts.push([record.user, count, position])
      told.push(context.position)
    },
    deadLetter: ({ record, error }, { position }) => {
      letters.push([record.at, error.code, position])
    },
  })
  await counting.run()
  expect(counts).toEqual([
    ['a', 1, 1],
    ['b', 1, 2],
    ['a', 2, 4],
    ['b', 2, 5],
  ])
  expect(told).toEqual([1, 2, 4, 5])
  expect(letters).toEqual([[20, 'CALLBACK', 3]])
  // All was counted, and given out.
  await counting.run()
  expect(counts).toHaveLength(4)
  await using store = storeOn()
  expect(await firstValueFrom(store.getAll$(['a', 'b']))).toEqual(
    new Map([
      ['a', 2],
      ['b', 2],
    ]),
  )
})

test('with a partitioned input each partition has its pipeline, and the input hears how far it is', async () => {
  const committed: unknown[] = []
  const input = Object.assign(memoryInput({ p: clicks, q: clicks }), {
    committed: (partition: string, position: number) => {
      committed.push([partition, position])
    },
  })
  const memory = new Memory()
  await job({
    name: 'partitions',
    value: json<number>(),
    store: () => memoryStore({ value: json<number>(), memory }),
    input,
    pipeline: ({ store, commit }) =>
      pipe(
        filter(({ record }) => record.user === 'a'),
        processKV(
          store,
          ({ record }) => record.user,
          (_, count = 0) => count + 1,
          commit,
        ),
        map(([{ record }]) => record),
      ),
    recordOf: () => undefined,
  }).run()
  await using store = memoryStore({ value: json<number>(), memory })
  expect(await firstValueFrom(store.entries$().pipe(toArray()))).toMatchObject([{ key: 'a', value: 6 }])
  expect(committed).toContainEqual(['p', 4])
  expect(committed).toContainEqual(['q', 4])
})

const count = { value: json<number>(), store: 'memory:', position: { key: 'p', of: (at: number) => at } }

test('a pipeline that keeps no position where one is kept is refused, and one that keeps it twice', async () => {
  const without = job({ ...count, name: 'without', input: [1, 2], pipeline: () => map(item => item) }).run()
  expect(await failureOf(without)).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'in the `pipeline` of a job, an operator must take `commit`',
  })
  const twice = job({
    ...count,
    name: 'twice',
    input: [1, 2],
    pipeline: ({ store, commit }) =>
      pipe(
        processKV(
          store,
          () => 'k',
          () => 1,
          commit,
        ),
        map(([item]) => item),
        processKV(
          store,
          () => 'k',
          () => 1,
          commit,
        ),
      ),
  }).run()
  expect(await failureOf(twice)).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'in the `pipeline` of a job, only one operator can take `commit`',
  })
})

test('what a pipeline takes the place of cannot stand beside it', () => {
  const definition = { ...count, name: 'both', input: [1], pipeline: () => tap(() => {}), keyOf: () => 'k' }
  expect(() => job(definition as never)).toThrow(
    '`keyOf` of a job must be left out where it has a `pipeline`',
  )
  expect(() => job({ ...definition, keyOf: undefined, pipeline: 1 } as never)).toThrow(
    '`pipeline` of a job must be a function, got number',
  )
})

test('an error of the pipeline is the error of the job, after the outputs before', async () => {
  const outputs: number[] = []
  const run = job({
    name: 'failing',
    value: json<number>(),
    store: 'memory:',
    input: [1, 2, 3],
    pipeline: _ =>
      map(({ record }) => {
        if (record === 3) throw new Error('three')
        return record
      }),
    output: record => {
      outputs.push(record)
    },
  }).run()
  expect(await failureOf(run)).toMatchObject({ message: 'three' })
  expect(outputs).toEqual([1, 2])
})
