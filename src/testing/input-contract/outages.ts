import assert from 'node:assert/strict'
import type { Observable } from 'rxjs'
import { Recorder } from '../contract/assertions.ts'
import type { InputSuite } from './place.ts'
import { inTime, numbersOf, records, take, takeThrough } from './taking.ts'

const COUNT = 2000

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

/** Cut connections, dying servers, new partitions. */
export function outages<P>({ it }: InputSuite<P>): void {
  it('loses and repeats nothing when connections are cut', 2, async ({ open, place }) => {
    const { cut } = place
    if (cut === undefined) return
    const input = await open()
    for (const partition of place.partitions) await place.append(partition, records(0, COUNT))
    const cuts: unknown[] = []
    const read = (partition: string) =>
      takeThrough(input, partition, COUNT + 1, taken => {
        if (taken % 500 === 0) cuts.push(cut.call(place))
        // The last cut happens while it waits for more.
        if (taken === COUNT) cuts.push(place.append(partition, records(COUNT, COUNT + 1)))
      })
    const all = await inTime(Promise.all(place.partitions.map(read)), 'all records')
    await Promise.all(cuts)
    for (const taken of all) assert.deepEqual(numbersOf(taken), upTo(COUNT + 1))
  })

  it(
    'loses and repeats nothing when the server dies and comes back',
    1,
    async ({ open, place, partition }) => {
      if (place.restart === undefined) return
      const input = await open()
      await place.append(partition, records(0, COUNT))
      let restarted: Promise<void> | undefined
      const taken = await inTime(
        takeThrough(input, partition, COUNT + 1, count => {
          if (count === 100) restarted = place.restart!()
          if (count === COUNT) void restarted!.then(() => place.append(partition, records(COUNT, COUNT + 1)))
        }),
        'all records',
      )
      await restarted
      assert.deepEqual(numbersOf(taken), upTo(COUNT + 1))
      assert.deepEqual(numbersOf(await take(input, partition, 3)), [0, 1, 2])
    },
  )

  it('reads on while it waits when the server dies and comes back', 1, async ({ open, place, partition }) => {
    if (place.restart === undefined) return
    const input = await open()
    await place.append(partition, records(0, 1))
    const taken = await inTime(
      takeThrough(input, partition, 2, count => {
        if (count === 1) void place.restart!().then(() => place.append(partition, records(1, 2)))
      }),
      'both records',
    )
    assert.deepEqual(numbersOf(taken), [0, 1])
  })

  it('tells of partitions that appear', 1, async ({ open, place, partition }) => {
    if (place.addPartition === undefined) return
    const input = await open()
    await place.append(partition, records(0, 1))
    using lists = new Recorder(input.partitions$ as Observable<readonly string[]>)
    await lists.until(({ values }) => values.length > 0, 'the first list')
    const added = await place.addPartition()
    await place.append(added, records(0, 2))
    await lists.until(({ values }) => values.at(-1)?.includes(added) === true, `a list with ${added}`)
    assert.ok(lists.values.at(-1)?.includes(partition))
    assert.deepEqual(numbersOf(await take(input, added, 2)), [0, 1])
  })
}
