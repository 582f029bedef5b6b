import { handWrittenLoop } from './contenders/hand-written-loop.ts'
import { asSingle, connectRedis } from './contenders/redis.ts'
import { getContenders } from './get.ts'
import { HOT_KEYS, hotItems, processed } from './loop.ts'
import { putContenders } from './put.ts'
import type { Comparison, Contender, Place, Question, Task } from './runner/question.ts'
import { initialSum } from './runner/records.ts'
import { filled, inFlight, keyAt } from './runner/work.ts'

const KEYS = 20_000
const keys = Array.from({ length: KEYS }, (_, i) => keyAt(i))
const value = filled('written')
/** More make it slower, and promises instead of callbacks too. */
const IN_FLIGHT = 1024

async function loaded({ redis, root }: Place, count: number, initial: Buffer) {
  const client = await connectRedis(redis)
  await Promise.all(keys.slice(0, count).map(key => client.set(`${root}/${key}`, initial)))
  return client
}

async function reads(place: Place): Promise<Task> {
  const client = await loaded(place, KEYS, value)
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
  const client = await loaded(place, KEYS, value)
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

async function loop(place: Place): Promise<Task> {
  const client = await loaded(place, HOT_KEYS, initialSum())
  const single = asSingle(client)
  return {
    pass: () => handWrittenLoop(single, place.root, hotItems, 0, hotItems.length),
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
    keys: HOT_KEYS,
    value: initialSum,
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
