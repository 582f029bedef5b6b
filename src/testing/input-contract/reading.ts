import assert from 'node:assert/strict'
import { firstValueFrom } from 'rxjs'
import type { InputSuite } from './place.ts'
import { begin, inTime, numbersOf, records, take, takeFrom, throughJson } from './taking.ts'

/** How many records the cases put into a partition. */
const COUNT = 30

const upTo = (count: number, from = 0): number[] => Array.from({ length: count - from }, (_, i) => from + i)

/** Order, positions, ends. */
export function reading<P>({ it, capabilities: { bounded } }: InputSuite<P>): void {
  it('lists the partitions', 3, async ({ open, place }) => {
    const input = await open()
    for (const partition of place.partitions) await place.append(partition, records(0, 1))
    const listed = await inTime(firstValueFrom(input.partitions$), 'the partitions')
    assert.deepEqual([...listed].sort(), [...place.partitions].sort())
  })

  it('reads a partition in order, from the beginning', 1, async ({ open, place, partition }) => {
    const input = await open()
    const written = records(0, COUNT, 'long é '.repeat(100))
    await place.append(partition, written)
    const taken = await take(input, partition, COUNT)
    assert.deepEqual(
      taken.map(({ record }) => record),
      written,
    )
  })

  it('reads strictly after any position, which survives JSON', 1, async ({ open, place, partition }) => {
    const input = await open()
    await place.append(partition, records(0, COUNT))
    const all = await take(input, partition, COUNT)
    const another = await open()
    for (const [i, { position }] of all.slice(0, -1).entries()) {
      const rest = await take(another, partition, Math.min(3, COUNT - 1 - i), throughJson(position))
      assert.deepEqual(rest[0], all[i + 1])
      assert.deepEqual(numbersOf(rest), upTo(i + 1 + rest.length, i + 1))
    }
  })

  it(
    'gives each record a position of its own, the same in each reading',
    1,
    async ({ open, place, partition }) => {
      const input = await open()
      await place.append(partition, records(0, COUNT))
      const first = await take(input, partition, COUNT)
      const second = await take(input, partition, COUNT)
      assert.deepEqual(second, first)
      assert.equal(new Set(first.map(({ position }) => JSON.stringify(position))).size, COUNT)
    },
  )

  it('reads partitions each by themselves, by several at a time', 3, async ({ open, place }) => {
    const inputs = [await open(), await open()]
    for (const [p, partition] of place.partitions.entries()) {
      await place.append(partition, records(1000 * p, 1000 * p + COUNT))
    }
    const readings = inputs.flatMap(input => place.partitions.map(partition => begin(input, partition)))
    for (let n = 0; n < COUNT; n++) {
      for (const [r, each] of readings.entries()) {
        const [{ record }] = (await takeFrom(each, 1)) as [Awaited<ReturnType<typeof takeFrom<P>>>[0]]
        assert.equal(record.n, 1000 * (r % place.partitions.length) + n)
      }
    }
    await Promise.all(readings.map(each => each.return?.()))
  })

  it('reads anew with each iterator', 1, async ({ open, place, partition }) => {
    const input = await open()
    await place.append(partition, records(0, COUNT))
    const iterable = input.read(partition, undefined)
    for (const count of [2, 3]) {
      const iterator = iterable[Symbol.asyncIterator]()
      assert.deepEqual(numbersOf(await takeFrom(iterator, count)), upTo(count))
      await iterator.return?.()
    }
  })

  if (bounded) {
    it('ends, after any position', 1, async ({ open, place, partition }) => {
      const input = await open()
      await place.append(partition, records(0, COUNT))
      const all = await take(input, partition, COUNT)
      for (const after of [undefined, ...all.map(({ position }) => position)]) {
        const rest = begin(input, partition, after)
        await takeFrom(rest, COUNT - 1 - all.findIndex(({ position }) => position === after))
        for (let again = 0; again < 2; again++)
          assert.equal((await inTime(rest.next(), 'the end')).done, true)
      }
    })
  } else {
    it('waits for what is added', 1, async ({ open, place, partition }) => {
      const input = await open()
      const live = begin(input, partition)
      for (let n = 0; n < 5; n++) {
        const coming = takeFrom(live, 1)
        await place.append(partition, records(n, n + 1))
        assert.deepEqual(numbersOf(await coming), [n])
      }
      const [last] = await take(input, partition, 1, (await take(input, partition, 4)).at(-1)?.position)
      await live.return?.()
      // The end of a partition is also a position.
      const after = begin(input, partition, throughJson(last?.position))
      const coming = takeFrom(after, 1)
      await place.append(partition, records(5, 6))
      assert.deepEqual(numbersOf(await coming), [5])
      await after.return?.()
    })
  }

  it(
    'takes what is told as committed late, again and out of order',
    1,
    async ({ open, place, partition }) => {
      const input = await open()
      await place.append(partition, records(0, COUNT))
      const live = begin(input, partition)
      const taken = await takeFrom(live, COUNT / 2)
      for (const i of [4, 9, 2, 9, 0]) await input.committed?.(partition, throughJson(taken[i]!.position))
      assert.deepEqual(numbersOf(await takeFrom(live, COUNT / 2)), upTo(COUNT, COUNT / 2))
      await live.return?.()
      await input.committed?.(partition, taken[3]!.position)
      // The state says where to go on, not the position committed to the broker.
      const another = await open()
      assert.deepEqual(numbersOf(await take(another, partition, 3)), [0, 1, 2])
      const rest = await take(another, partition, COUNT - 2, throughJson(taken[1]!.position))
      assert.deepEqual(numbersOf(rest), upTo(COUNT, 2))
    },
  )

  it('tells how much comes after a position, where it tells', 1, async ({ open, place, partition }) => {
    const input = await open()
    await place.append(partition, records(0, COUNT))
    if (input.lag === undefined) return
    const taken = await take(input, partition, COUNT)
    const lags: number[] = []
    for (const { position } of taken) {
      const lag = await inTime(input.lag(partition, throughJson(position)), 'the lag')
      if (lag === undefined) return
      lags.push(lag.amount)
    }
    assert.equal(lags.at(-1), 0)
    assert.deepEqual(
      lags,
      lags.toSorted((a, b) => b - a),
    )
    const whole = await input.lag(partition, undefined)
    assert.ok(whole === undefined || whole.amount >= lags[0]!, 'no less from the beginning')
  })
}
