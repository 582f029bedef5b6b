import { connectRedis } from './contenders/redis.ts'
import { getContenders } from './get.ts'
import { hotItems, processed } from './loop.ts'
import { putContenders } from './put.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { add, decode, encode, type Item } from './runner/records.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const value = filled('written')
/** Faster than with 1,024. */
const IN_FLIGHT = 4096

async function loaded({ redis, root }: Place) {
  const client = await connectRedis(redis)
  await Promise.all(keys.map(key => client.set(`${root}/${key}`, value)))
  return client
}

async function reads(place: Place): Promise<Task> {
  const client = await loaded(place)
  return {
    pass: () =>
      inFlight(
        KEYS,
        IN_FLIGHT,
        (i, done) => void client.getBuffer(`${place.root}/${keys[i]!}`, error => done(error)),
      ),
    close: () => client.quit(),
  }
}

async function writes(place: Place): Promise<Task> {
  const client = await loaded(place)
  return {
    pass: () =>
      inFlight(
        KEYS,
        IN_FLIGHT,
        (i, done) => void client.set(`${place.root}/${keys[i]!}`, value, error => done(error)),
      ),
    close: () => client.quit(),
  }
}

/**
 * The loop by hand: a chain of promises a key. It has one writer, and so needs no condition on the write, which spares
 * it what it would cost.
 */
async function loop({ redis, root }: Place): Promise<Task> {
  const client = await connectRedis(redis)
  const process = async (item: Item): Promise<void> => {
    const path = `${root}/${item.key}`
    const bytes = await client.getBuffer(path)
    await client.set(path, encode(add(item, bytes === null ? undefined : decode(bytes))))
  }
  return {
    async pass() {
      const last = new Map<string, Promise<void>>()
      for (let from = 0; from < hotItems.length; from += IN_FLIGHT) {
        const group = hotItems.slice(from, from + IN_FLIGHT).map(item => {
          const done = (last.get(item.key) ?? Promise.resolve()).then(() => process(item))
          last.set(item.key, done)
          return done
        })
        await Promise.all(group)
      }
      return hotItems.length
    },
    close: () => client.quit(),
  }
}

const ours = (contenders: readonly Contender[]) =>
  contenders.filter(({ name }) => name.startsWith('rxkeeper'))

const comparisons: readonly Comparison[] = [
  {
    name: 'redis/get',
    title: 'Reads: against Redis',
    unit: 'reads/s',
    server: 'zookeeper',
    keys: KEYS,
    contenders: [...ours(getContenders), { name: 'redis', server: 'redis', run: reads }],
    targets: { redis: 2.5 },
  },
  {
    name: 'redis/put',
    title: 'Writes: against Redis, which syncs them to disk as ZooKeeper does',
    unit: 'writes/s',
    server: 'zookeeper',
    keys: KEYS,
    contenders: [...ours(putContenders), { name: 'redis', server: 'redis', run: writes }],
    targets: { redis: 1.5 },
  },
  {
    name: 'redis/loop',
    title: 'The process loop: against the loop written by hand on Redis',
    unit: 'records/s',
    server: 'zookeeper',
    contenders: [
      { name: 'rxkeeper/processKV', run: processed(hotItems) },
      { name: 'redis', server: 'redis', run: loop },
    ],
    targets: { redis: 5 },
  },
]

export const redis: Question = {
  name: 'redis',
  about: 'Against Redis through ioredis with automatic pipelining, with fsync on every write.',
  comparisons,
}
