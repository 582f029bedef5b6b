import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { KVError } from '../../base/errors.ts'
import { countHandles } from './handles.ts'
import type { InputSuite } from './place.ts'
import { begin, inTime, type Reading, records, rejects, takeFrom } from './taking.ts'

/** The number of records: enough that reading is not at the end yet. */
const COUNT = 5000

const leave = async <P>(reading: Reading<P>): Promise<void> => {
  const result = await inTime(reading.return!(), 'what `return` gives')
  assert.deepEqual(result, { done: true, value: undefined })
}

/** Requests the next record; its failure is ignored if the case fails first. */
function ask<P>(reading: Reading<P>): Promise<unknown> {
  const asked = reading.next()
  asked.catch(() => {})
  return asked
}

/** `return` and `close` in every state. */
export function releasing<P>({ it, capabilities: { bounded } }: InputSuite<P>): void {
  const states: Record<string, (reading: Reading<P>) => Promise<unknown>> = {
    'before the first record': async () => {},
    'while the first record is fetched': async reading => [ask(reading)],
    'after the first record': reading => takeFrom(reading, 1),
    'while one of many is fetched': async reading => {
      await takeFrom(reading, 100)
      return [ask(reading)]
    },
    'while several are fetched': async reading => [ask(reading), ask(reading), ask(reading)],
    'at the end': reading => takeFrom(reading, COUNT),
    'while it waits at the end': async reading => {
      await takeFrom(reading, COUNT)
      const waiting = ask(reading)
      await turn()
      return [waiting]
    },
  }
  for (const [state, reach] of Object.entries(states)) {
    it(`return ${state} releases all`, 1, async ({ open, place, partition }) => {
      await place.append(partition, records(0, COUNT))
      const settled = countHandles()
      const input = await open()
      const reading = begin(input, partition)
      const pending = await reach(reading)
      await leave(reading)
      if (Array.isArray(pending)) await inTime(Promise.all(pending), 'what was pending')
      assert.equal((await inTime(reading.next(), 'the end')).done, true)
      await leave(reading)
      await input.close?.()
      await settled()
    })
  }

  it('return leaves no more open, however often', 1, async ({ open, place, partition }) => {
    await place.append(partition, records(0, COUNT))
    const input = await open()
    const once = begin(input, partition)
    await takeFrom(once, 1)
    await leave(once)
    const settled = countHandles()
    for (let i = 0; i < 30; i++) {
      const reading = begin(input, partition)
      await takeFrom(reading, 1)
      await leave(reading)
    }
    await settled()
  })

  it(
    'close rejects what is read, releases all, and can be repeated',
    2,
    async ({ open, place, partition }) => {
      await place.append(partition, records(0, COUNT))
      const settled = countHandles()
      const input = await open()
      if (input.close === undefined) return
      const [begun, other] = [begin(input, partition), begin(input, place.partitions[1]!)]
      await takeFrom(begun, 1)
      const waiting = bounded ? undefined : other.next().catch(error => error)
      await inTime(Promise.all([input.close(), input.close()]), 'the close')
      await rejects(begun, 'CLOSED')
      const error = await inTime(Promise.resolve(waiting), 'the end of what was pending')
      if (!bounded) assert.ok(error instanceof KVError && error.code === 'CLOSED', String(error))
      await rejects(begin(input, partition), 'CLOSED')
      await input.close()
      await settled()
    },
  )
}
