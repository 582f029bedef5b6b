import assert from 'node:assert/strict'
import { KVError } from '../../base/errors.ts'
import { identityOf, type Undecodable } from '../../inputs/partitioned-input.ts'
import type { InputPlace, InputSuite } from './place.ts'
import { begin, inTime, numbersOf, records, rejects, take, takeFrom, throughJson } from './taking.ts'

/** Values that are no input's positions. */
const NO_POSITIONS: readonly unknown[] = [null, Number.NaN, -1, 1.5, '', 'no position', {}, [], true]

/** Returns whether the place can have bad records. */
async function appendWithBadOnes<P>(place: InputPlace<P>, partition: string): Promise<boolean> {
  if (place.appendUndecodable === undefined) return false
  await place.append(partition, records(0, 2))
  await place.appendUndecodable(partition)
  await place.append(partition, records(2, 4))
  await place.appendUndecodable(partition)
  await place.append(partition, records(4, 5))
  return true
}

/** Undecodable records, and invalid arguments. */
export function failing<P>({ it }: InputSuite<P>, badOptions: Readonly<Record<string, () => unknown>>): void {
  it('fails at a record that cannot be decoded, tells where, and can go on behind it', 1, async test => {
    const { open, place, partition } = test
    const input = await open()
    if (!(await appendWithBadOnes(place, partition))) return
    const reading = begin(input, partition)
    assert.deepEqual(numbersOf(await takeFrom(reading, 2)), [0, 1])
    const error = await rejects(reading, 'CODEC')
    assert.equal(error.partition, partition)
    assert.ok(error.message.includes(identityOf(partition, error.position)), error.message)
    assert.equal((await reading.next()).done, true, 'an error is the end')
    const rest = await take(input, partition, 2, throughJson(error.position as P))
    assert.deepEqual(numbersOf(rest), [2, 3])
  })

  it('gives what cannot be decoded to `undecodable` and reads on', 1, async ({ open, place, partition }) => {
    const letters: Undecodable<P>[] = []
    const input = await open({
      undecodable: async letter => {
        await null
        letters.push(letter)
      },
    })
    if (!(await appendWithBadOnes(place, partition))) return
    assert.deepEqual(numbersOf(await take(input, partition, 5)), [0, 1, 2, 3, 4])
    assert.equal(letters.length, 2)
    for (const [i, { partition: name, position, content, error }] of letters.entries()) {
      assert.equal(name, partition)
      assert.equal(error.code, 'CODEC')
      assert.deepEqual(error.position, position)
      assert.ok(content.length > 0)
      const [next] = await take(input, partition, 1, throughJson(position))
      assert.equal(next?.record.n, 2 + 2 * i)
    }
  })

  it('fails where `undecodable` does', 1, async ({ open, place, partition }) => {
    const input = await open({
      undecodable: () => {
        throw new Error('no more letters')
      },
    })
    if (!(await appendWithBadOnes(place, partition))) return
    const reading = begin(input, partition)
    await takeFrom(reading, 2)
    const error = await rejects(reading, 'CALLBACK')
    assert.ok(error.message.includes('no more letters'), error.message)
    assert.equal(error.partition, partition)
  })

  it('refuses what is no position', 1, async ({ open, place, partition }) => {
    const input = await open()
    await place.append(partition, records(0, 1))
    for (const position of NO_POSITIONS) {
      const error = await rejects(begin(input, partition, position as P), 'INVALID_ARGUMENT')
      assert.ok(error.message.includes(partition), error.message)
      if (input.lag === undefined) continue
      const asked = inTime(input.lag(partition, position as P), 'the lag')
      await assert.rejects(asked, { name: 'KVError', code: 'INVALID_ARGUMENT' })
    }
    assert.deepEqual(numbersOf(await take(input, partition, 1)), [0])
  })

  it('fails with POSITION_LOST where what comes after the position is gone', 1, async test => {
    const { open, place, partition } = test
    if (place.trim === undefined) return
    const input = await open()
    await place.append(partition, records(0, 10))
    const taken = await take(input, partition, 10)
    await place.trim(partition, taken[4]!.position)
    const error = await rejects(begin(input, partition, throughJson(taken[2]!.position)), 'POSITION_LOST')
    assert.equal(error.partition, partition)
    // Reads from the beginning first.
    const [first] = await take(input, partition, 1)
    const earliest = first!.record.n
    assert.ok(earliest === 4 || earliest === 5, `begins with ${earliest}`)
    assert.deepEqual(numbersOf(await take(input, partition, 2, first!.position)), [
      earliest + 1,
      earliest + 2,
    ])
  })

  for (const [what, open] of Object.entries(badOptions)) {
    it(`refuses ${what}`, 0, async () => {
      assert.throws(open, error => error instanceof KVError && error.code === 'INVALID_ARGUMENT')
    })
  }
}
