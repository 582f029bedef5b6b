import type { StreamInfo } from '@nats-io/jetstream'
import { expect, it } from 'vitest'
import { LossCheck } from '../../src/inputs/nats/loss.ts'

/** What a server tells of a stream. */
const stream = (first_seq: number, last_seq: number, created = 'then'): StreamInfo =>
  ({ created, config: { retention: 'limits' }, state: { first_seq, last_seq } }) as unknown as StreamInfo

const partition = { name: 'S/quiet', stream: 'S', subject: 'quiet' }

it('takes what other subjects lost in a quiet time for no loss of its own', () => {
  const loss = new LossCheck(partition, 10, false)
  loss.begin(stream(1, 1000))
  loss.quiet(true)
  loss.ends(stream(1, 1000))
  expect(loss.read).toBe(10)
  // The second wait that was in vain began when the stream ended at 1000.
  loss.quiet(true)
  expect(loss.read).toBe(1000)
  expect(loss.mustAsk(1100)).toBe(true)
  loss.answered(stream(900, 1200), 1100)
  loss.take(1100)
  expect(loss.read).toBe(1100)
})

it('does not take a time for quiet in which messages wait to be taken, or over two consumers', () => {
  const loss = new LossCheck(partition, 10, false)
  loss.begin(stream(1, 1000))
  loss.ends(stream(1, 1000))
  loss.quiet(false)
  expect(loss.read).toBe(10)
  loss.begin(stream(1, 1000))
  loss.quiet(true)
  expect(loss.read).toBe(10)
  loss.answered(stream(900, 1200), 1100)
  expect(() => loss.take(1100)).toThrow(expect.objectContaining({ code: 'POSITION_LOST', position: 10 }))
})

it('asks only for gaps behind what it was told of last', () => {
  const loss = new LossCheck(partition, 10, false)
  loss.begin(stream(1, 1000))
  expect(loss.mustAsk(11)).toBe(false)
  expect(loss.mustAsk(12)).toBe(true)
  loss.answered(stream(11, 1000), 50)
  for (const sequence of [12, 20, 50]) {
    expect(loss.mustAsk(sequence)).toBe(false)
    loss.take(sequence)
  }
  expect(loss.mustAsk(60)).toBe(true)
})

it('skips to what there is: behind a purge, or to the beginning of a stream that was made anew', () => {
  const purged = new LossCheck(partition, 10, true)
  purged.begin(stream(100, 200))
  expect(purged.read).toBe(99)
  purged.begin(stream(1, 5, 'later'))
  expect(purged.read).toBe(undefined)
})
