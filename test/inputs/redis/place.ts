import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { redisInput } from 'rxkeeper/inputs/redis'
import { type ContractRecord, type InputPlace, startProxy } from 'rxkeeper/testing'
import type { RedisServer } from '../../setup/redis-server.ts'

/** Streams on a server, which the inputs reach through a proxy. */
export async function redisPlace(server: RedisServer, count: number): Promise<InputPlace<string>> {
  const proxy = await startProxy(server.address)
  const client = new Redis(server.url)
  client.on('error', () => {})
  const prefix = randomBytes(6).toString('hex')
  const partitions = Array.from({ length: count }, (_, i) => `${prefix}:${i}`)
  const add = async (partition: string, records: readonly (readonly string[])[]): Promise<void> => {
    const pipeline = client.pipeline()
    for (const fields of records) pipeline.xadd(partition, '*', ...fields)
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }
  return {
    partitions,
    append: (partition, records) =>
      add(
        partition,
        records.map(({ n, text }) => ['n', `${n}`, 'text', text]),
      ),
    appendUndecodable: partition => add(partition, [['n', 'none']]),
    open: options =>
      redisInput<ContractRecord>({
        ...options,
        url: `redis://${proxy.servers}`,
        // The keys are named where they need not be there, and looked for where they may come.
        streams: [...partitions, `${prefix}:*`],
        interval: 20,
        group: 'contract',
        decode: ({ fields: { n, text } }) => {
          if (n === undefined || text === undefined) throw new Error('it has no n or no text')
          return { n: Number(n), text }
        },
      }),
    addPartition: async () => {
      const name = `${prefix}:added`
      await client.xgroup('CREATE', name, 'some', '$', 'MKSTREAM')
      return name
    },
    cut: () => proxy.reset(),
    restart: () => server.restart(),
    trim: async (partition, position) => {
      await client.xtrim(partition, 'MINID', position)
    },
    remove: async () => {
      client.disconnect()
      await proxy.stop()
    },
  }
}
