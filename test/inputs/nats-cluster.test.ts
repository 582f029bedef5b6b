import assert from 'node:assert/strict'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { json } from 'rxkeeper'
import { jetstreamSink, natsInput } from 'rxkeeper/inputs/nats'
import { it } from 'vitest'
import { freePort } from '../../src/testing/ports.ts'
import { eventually } from '../../src/testing/waiting.ts'
import { type NatsServer, startNats } from '../setup/nats-server.ts'

const NAMES = ['a', 'b', 'c'] as const
const STREAM = 'S'
const COUNT = 600

/** Three servers that hold each stream three times. */
async function startCluster(): Promise<Map<string, NatsServer>> {
  const ports = await Promise.all(NAMES.map(() => freePort()))
  const routes = ports.map(port => `nats://127.0.0.1:${port}`)
  const started = NAMES.map(async (name, i): Promise<[string, NatsServer]> => {
    const cluster = ['--cluster_name', 'test', '--cluster', routes[i]!, '--routes', routes.join(',')]
    return [name, await startNats('-n', name, ...cluster)]
  })
  return new Map(await Promise.all(started))
}

it('a cluster is published to and read from, each output once and in order, while its leaders are killed', async () => {
  const cluster = await startCluster()
  try {
    const servers = Array.from(cluster.values(), server => server.address)
    const dial = () => connect({ servers, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
    const direct = await dial()
    const manager = await jetstreamManager(direct, { checkAPI: false, timeout: 2000 })
    const answer = <R>(ask: () => Promise<R>): Promise<R> =>
      eventually(
        () => ask().catch(() => undefined),
        () => new Error('the cluster does not answer'),
        { timeout: 60_000 },
      )
    await answer(() => manager.streams.add({ name: STREAM, subjects: ['s'], num_replicas: 3 }))
    const leader = async (): Promise<NatsServer> => {
      const { cluster: state } = await answer(() => manager.streams.info(STREAM))
      return cluster.get(state!.leader!)!
    }
    await using sink = jetstreamSink<number>({
      connect: dial,
      stream: STREAM,
      subject: 's',
      encode: json<number>().encode,
      id: n => `n${n}`,
      timeout: 60_000,
    })
    await using input = natsInput({
      connect: dial,
      stream: STREAM,
      decode: json<number>().decode,
      timeout: 60_000,
    })
    const publish = async (): Promise<void> => {
      const restarts: Promise<void>[] = []
      for (let n = 0; n < COUNT; n++) {
        if (n % 200 === 100) {
          const led = await leader()
          await led.kill()
          restarts.push(led.start())
        }
        await sink.publish(n)
        // One at a time is away.
        if (n % 200 === 150) await restarts.at(-1)
      }
      await Promise.all(restarts)
    }
    const published = publish()
    const read: number[] = []
    const reading = async (): Promise<void> => {
      for await (const { record } of input.read(STREAM, undefined)) if (read.push(record) === COUNT) break
    }
    await Promise.all([published, reading()])
    assert.deepEqual(
      read,
      Array.from({ length: COUNT }, (_, n) => n),
    )
    await direct.close()
  } finally {
    for (const server of cluster.values()) await server[Symbol.asyncDispose]()
  }
})
