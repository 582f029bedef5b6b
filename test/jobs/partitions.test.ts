import { from } from 'rxjs'
import { type Delivered, identityOf, json, KVError, Memory, type PartitionedInput } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { memoryInput, memoryProcess } from 'rxkeeper/testing'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { counting, countsOf, eventsOf, type Sale, salesOf, stored, storeOn } from './partitioned.ts'

/** The machine may have much else to do. */
const poll = <T>(probe: () => T) => expect.poll(probe, { timeout: 30_000, interval: 10 })

describe('a job on a partitioned input', () => {
  test('processes every partition, ends by itself, and finds nothing to do when it is run again', async () => {
    const memory = new Memory()
    const sales = salesOf(3, 100)
    const run = counting.run({ store: storeOn(memory), input: memoryInput(sales) })
    const { reason, figures } = await run
    expect(reason).toBe('end of input')
    expect(figures.total.records).toBe(300)
    expect(await stored(storeOn(memory))).toEqual(countsOf(sales))
    const again = await counting.run({ store: storeOn(memory), input: memoryInput(sales) })
    expect(again.reason).toBe('end of input')
    expect(again.figures.total.records).toBe(0)
  })

  test('processes what was added since it was last run', async () => {
    const memory = new Memory()
    const sales = salesOf(2, 50)
    await counting.run({ store: storeOn(memory), input: memoryInput(salesOf(2, 20)) })
    const { figures } = await counting.run({ store: storeOn(memory), input: memoryInput(sales) })
    expect(figures.total.records).toBe(60)
    expect(await stored(storeOn(memory))).toEqual(countsOf(sales))
  })

  test('shares it with the other processes of its group; all end when all is done', async () => {
    const memory = new Memory()
    const sales = salesOf(6, 500)
    const input = memoryInput(sales)
    const runs = [1, 2, 3].map(() => counting.run({ store: storeOn(memory), input }))
    const results = await Promise.all(runs)
    expect(results.map(({ reason }) => reason)).toEqual(['end of input', 'end of input', 'end of input'])
    const processed = results.map(({ figures }) => figures.total.records)
    expect(processed.reduce((a, b) => a + b)).toBe(3000)
    expect(processed.every(count => count > 0)).toBe(true)
    expect(await stored(storeOn(memory))).toEqual(countsOf(sales))
  })

  test('has nothing to do with another group', async () => {
    const memory = new Memory()
    const sales = salesOf(2, 10)
    await counting.run({ store: storeOn(memory), input: memoryInput(sales) })
    const { figures } = await counting.run({
      store: storeOn(memory),
      input: memoryInput(sales),
      group: 'other',
    })
    expect(figures.total.records).toBe(20)
  })

  test('waits as a spare where it owns nothing, and ends when all is done', async () => {
    const memory = new Memory()
    const input = memoryInput<Sale>(salesOf(1, 10), { live: true })
    const one = counting.run({ store: storeOn(memory), input })
    const owned = eventsOf(one, 'partitions')
    await poll(() => owned.at(-1)?.owned).toEqual(['p0'])
    const spare = counting.run({ store: storeOn(memory), input })
    input.append('p0', { shop: 'shop 0', number: 10 })
    input.end()
    const [first, second] = await Promise.all([one, spare])
    expect(first.figures.total.records).toBe(11)
    expect(second).toMatchObject({ reason: 'end of input', figures: { total: { records: 0 } } })
  })

  test('ends at once where there are no partitions', async () => {
    const { reason } = await counting.run({ store: storeOn(new Memory()), input: memoryInput<Sale>({}) })
    expect(reason).toBe('end of input')
  })

  test('gives out each output with its identity, in the order of its partition, and tells the input then', async () => {
    const sales = salesOf(2, 100)
    const input = memoryInput(sales)
    const taken: Record<string, number[]> = { p0: [], p1: [] }
    const identities = new Set<string>()
    await counting.run({
      store: storeOn(new Memory()),
      input,
      output: async ([{ number }], { partition, position }) => {
        expect(input.told.get(partition!)?.at(-1) ?? 0).toBeLessThan(position as number)
        await undefined
        identities.add(identityOf(partition!, position))
        taken[partition!]!.push(number)
      },
    })
    const all = Array.from({ length: 100 }, (_, i) => i)
    expect(taken).toEqual({ p0: all, p1: all })
    expect(identities.size).toBe(200)
    expect(identities.has('p1@100')).toBe(true)
    expect([input.told.get('p0')?.at(-1), input.told.get('p1')?.at(-1)]).toEqual([100, 100])
  })

  test('gives dead letters out in their turn, with their identity', async () => {
    const taken: string[] = []
    const input = memoryInput<Sale>({
      p: [
        { shop: 'a', number: 0 },
        { shop: '', number: 1 },
        { shop: 'a', number: 2 },
      ],
    })
    await counting.run({
      store: storeOn(new Memory()),
      input,
      output: ([{ number }], { position }) => taken.push(`${number}@${position}`),
      deadLetter: ({ record, error }, { partition, position }) =>
        taken.push(`${error.code} ${record.number} ${identityOf(partition!, position)}`),
    })
    expect(taken).toEqual(['0@1', 'INVALID_KEY 1 p@2', '2@3'])
    expect(input.told.get('p')).toEqual([1, 2, 3])
  })

  test('stops in good order: what was taken in is processed, the rest by the next run', async () => {
    const memory = new Memory()
    const sales = salesOf(4, 5000)
    let taken = 0
    const run = counting.run({
      store: storeOn(memory),
      input: memoryInput(sales),
      output: () => {
        if (++taken === 1000) run.stop()
      },
    })
    const { reason, figures } = await run
    expect(reason).toBe('stop')
    expect(figures.outputs).toBe(figures.total.records)
    expect(figures.total.records).toBeLessThan(20_000)
    const rest = await counting.run({ store: storeOn(memory), input: memoryInput(sales) })
    expect(rest.figures.total.records).toBe(20_000 - figures.total.records)
    expect(await stored(storeOn(memory))).toEqual(countsOf(sales))
  })

  test('hands over to those that stay', async () => {
    const memory = new Memory()
    const input = memoryInput<Sale>(salesOf(4, 100), { live: true })
    const leaving = counting.run({ store: storeOn(memory), input })
    const staying = counting.run({ store: storeOn(memory), input })
    const owned = eventsOf(staying, 'partitions')
    await poll(() => owned.at(-1)?.owned.length).toBe(2)
    leaving.stop()
    await leaving
    await poll(() => owned.at(-1)?.owned.length).toBe(4)
    for (const partition of ['p0', 'p1', 'p2', 'p3']) input.append(partition, { shop: 'late', number: 1 })
    input.end()
    await staying
    expect(await stored(storeOn(memory))).toEqual({ ...countsOf(salesOf(4, 100)), late: 4 })
  })

  test('aborted, leaves its partitions to others', async () => {
    const memory = new Memory()
    const sales = salesOf(2, 5000)
    const run = counting.run({ store: () => storeOn(memory), input: memoryInput(sales), output: () => {} })
    const owned = eventsOf(run, 'partitions')
    await poll(() => owned.length).toBeGreaterThan(0)
    run.abort()
    expect(await run).toMatchObject({ aborted: true })
    await counting.run({ store: storeOn(memory), input: memoryInput(sales) })
    expect(await stored(storeOn(memory))).toEqual(countsOf(sales))
  })

  test('follows an input to which partitions are added', async () => {
    const memory = new Memory()
    const input = memoryInput<Sale>({ p0: [{ shop: 'a', number: 0 }] }, { live: true })
    const run = counting.run({ store: storeOn(memory), input })
    const owned = eventsOf(run, 'partitions')
    await poll(() => owned.at(-1)?.owned).toEqual(['p0'])
    input.append('p1', { shop: 'b', number: 0 })
    await poll(() => stored(storeOn(memory))).toEqual({ a: 1, b: 1 })
    input.end()
    expect((await run).reason).toBe('end of input')
  })
})

/** An input whose reading fails as `fault` says. */
function faulty(
  sales: Record<string, Sale[]>,
  fault: (partition: string, delivered: Delivered<Sale, number>) => void,
): PartitionedInput<Sale, number> {
  const input = memoryInput(sales)
  return {
    partitions$: input.partitions$,
    async *read(partition, after) {
      for await (const delivered of input.read(partition, after)) {
        fault(partition, delivered)
        yield delivered
      }
    },
  }
}

describe('what fails', () => {
  test('in passing is taken up again after a pause, and nothing is lost or counted twice', async () => {
    const memory = new Memory()
    const sales = salesOf(2, 300)
    let failures = 0
    const run = counting.run({
      store: storeOn(memory),
      input: faulty(sales, (partition, { position }) => {
        if (partition === 'p1' && position === 150 && failures++ < 1) throw new KVError('UNAVAILABLE', 'away')
      }),
    })
    const lost = eventsOf(run, 'lost')
    expect((await run).reason).toBe('end of input')
    expect(lost.map(({ partition, error }) => [partition, error.code])).toEqual([['p1', 'UNAVAILABLE']])
    expect(await stored(storeOn(memory))).toEqual(countsOf(sales))
  })

  test('otherwise fails the job, after the outputs of what came before', async () => {
    const outputs: number[] = []
    const run = counting.run({
      store: storeOn(new Memory()),
      input: faulty(salesOf(1, 10), (_, { position }) => {
        if (position === 6) throw new KVError('CODEC', 'torn')
      }),
      output: ([{ number }]) => outputs.push(number),
    })
    await expect(run).rejects.toMatchObject({ code: 'CODEC', message: 'torn' })
    expect(outputs).toEqual([0, 1, 2, 3, 4])
  })

  test('an output that fails fails the job', async () => {
    const run = counting.run({
      store: storeOn(new Memory()),
      input: memoryInput(salesOf(2, 10)),
      output: () => {
        throw new Error('full')
      },
    })
    await expect(run).rejects.toMatchObject({ code: 'CALLBACK', message: expect.stringContaining('output') })
  })

  test('a store that is closed fails the job', async () => {
    const store = storeOn(new Memory())
    const run = counting.run({ store, input: memoryInput<Sale>(salesOf(1, 1), { live: true }) })
    const owned = eventsOf(run, 'partitions')
    await poll(() => owned.at(-1)?.owned).toEqual(['p0'])
    await store.close()
    await expect(run).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('an engine that has no groups is told of', async () => {
    await using store = lmdbStore({ path: temporaryFolder(), value: json<number>() })
    await expect(counting.run({ store, input: memoryInput(salesOf(1, 1)) })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
  })

  test('an input that the job makes is closed at its end', async () => {
    let closed = 0
    const input = memoryInput(salesOf(1, 1))
    const made = {
      partitions$: input.partitions$,
      read: input.read.bind(input),
      close: async () => void closed++,
    }
    await counting.run({ store: storeOn(new Memory()), input: made })
    expect(closed).toBe(0)
    await counting.run({ store: storeOn(new Memory()), input: () => made })
    expect(closed).toBe(1)
  })

  test('with an error of `partitions$` the job fails', async () => {
    const failing = { partitions$: from(Promise.reject(new KVError('AUTH', 'no'))), read: () => [] as never }
    const run = counting.run({ store: storeOn(new Memory()), input: failing })
    await expect(run).rejects.toMatchObject({ code: 'AUTH' })
  })
})

describe('a process that is frozen beyond its session', () => {
  test('is fenced, lives on, and what it had is counted once', async () => {
    const memory = new Memory()
    const sales = salesOf(4, 2000)
    const input = memoryInput<Sale>(sales, { live: true })
    const frozen = memoryProcess({ value: json<number>(), memory, sessionTimeout: 1000, latency: 1 })
    const one = counting.run({ store: frozen.store, input })
    const other = counting.run({ store: storeOn(memory), input })
    const [mine, lost] = [eventsOf(one, 'partitions'), eventsOf(one, 'lost')]
    const theirs = eventsOf(other, 'partitions')
    await poll(() => mine.at(-1)?.owned.length).toBe(2)
    frozen.freeze()
    await poll(() => theirs.at(-1)?.owned.length).toBe(4)
    for (const partition of Object.keys(sales)) input.append(partition, { shop: 'late', number: 2000 })
    frozen.thaw()
    await poll(() => lost.map(({ error }) => error.code)).toEqual(['FENCED', 'FENCED'])
    await poll(() => mine.at(-1)?.owned.length).toBe(2)
    input.end()
    expect((await Promise.all([one, other])).map(({ reason }) => reason)).toEqual([
      'end of input',
      'end of input',
    ])
    expect(await stored(storeOn(memory))).toEqual({ ...countsOf(sales), late: 4 })
  })
})
