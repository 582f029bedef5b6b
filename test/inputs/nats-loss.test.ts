import type { JetStreamManager } from '@nats-io/jetstream'
import { expect, it } from 'vitest'
import { LossCheck } from '../../src/inputs/nats/loss.ts'

/** As much of a server as tells of one stream. */
function streamOf(state: { first_seq: number; last_seq: number }): JetStreamManager {
  const info = async () => ({ created: 'then', config: { retention: 'limits' }, state })
  return { streams: { info } } as unknown as JetStreamManager
}

const partition = { name: 'S/quiet', stream: 'S', subject: 'quiet' }

it('takes what other subjects lost in a quiet time for no loss of its own', async () => {
  const state = { first_seq: 1, last_seq: 1000 }
  const manager = streamOf(state)
  const loss = new LossCheck(partition, 10, false)
  await loss.begin(manager)
  // The second request that was in vain began when the stream ended at 1000.
  await loss.idle(manager, true)
  await loss.idle(manager, true)
  expect(loss.read).toBe(1000)
  state.first_seq = 900
  state.last_seq = 1200
  expect(loss.mustAsk(1100)).toBe(true)
  await loss.ask(manager, 1100)
  loss.take(1100)
  expect(loss.read).toBe(1100)
})

it('does not take a time for quiet in which messages wait to be taken', async () => {
  const state = { first_seq: 1, last_seq: 1000 }
  const manager = streamOf(state)
  const loss = new LossCheck(partition, 10, false)
  await loss.begin(manager)
  await loss.idle(manager, true)
  await loss.idle(manager, false)
  expect(loss.read).toBe(10)
  state.first_seq = 900
  await loss.ask(manager, 1100)
  expect(() => loss.take(1100)).toThrow(expect.objectContaining({ code: 'POSITION_LOST', position: 10 }))
})
