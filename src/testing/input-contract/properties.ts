import assert from 'node:assert/strict'
import type FastCheck from 'fast-check'
import type { InputSuite } from './place.ts'
import { begin, numbersOf, takeFrom, throughJson } from './taking.ts'

/** How many records a property reads. */
const COUNT = 60

/** Random records, read in random pieces. */
export function properties<P>({ it }: InputSuite<P>, fc: typeof FastCheck, numRuns: number): void {
  it('pieces of any length, each after the last of the one before, are the whole', 1, async test => {
    const { open, place, partition } = test
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 50 }), {
      minLength: COUNT,
      maxLength: COUNT,
    })
    const written = fc.sample(texts, { numRuns: 1, seed: 1 })[0]!.map((text, n) => ({ n, text }))
    await place.append(partition, written)
    const input = await open()
    const whole = fc.array(fc.nat(20), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(whole, async lengths => {
        const taken: Awaited<ReturnType<typeof takeFrom<P>>> = []
        for (const length of [...lengths, COUNT]) {
          const reading = begin(input, partition, throughJson(taken.at(-1)?.position))
          taken.push(...(await takeFrom(reading, Math.min(length, COUNT - taken.length))))
          await reading.return?.()
        }
        assert.deepEqual(
          taken.map(({ record }) => record),
          written,
        )
      }),
      { numRuns },
    )
  })

  it('readers in any turns do not disturb each other', 2, async ({ open, place }) => {
    const input = await open()
    const written = Array.from({ length: COUNT }, (_, n) => ({ n, text: '' }))
    for (const partition of place.partitions) await place.append(partition, written)
    const turns = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 5 })), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(turns, async turns => {
        const readings = [0, 1, 1].map(p => begin(input, place.partitions[p]!))
        const counts = [0, 0, 0]
        for (const [r, count] of turns) {
          const numbers = numbersOf(await takeFrom(readings[r]!, Math.min(count, COUNT - counts[r]!)))
          assert.deepEqual(
            numbers,
            numbers.map((_, i) => counts[r]! + i),
          )
          counts[r]! += numbers.length
        }
        await Promise.all(readings.map(reading => reading.return?.()))
      }),
      { numRuns },
    )
  })
}
