import fc from 'fast-check'
import { redisInput } from 'rxkeeper/inputs/redis'
import { partitionedInputContract } from 'rxkeeper/testing'
import { afterAll, describe, it } from 'vitest'
import { startRedis } from '../../setup/redis-server.ts'
import { redisPlace } from './place.ts'

const server = await startRedis()
afterAll(() => server[Symbol.asyncDispose]())

partitionedInputContract<string>({
  name: 'redis',
  bounded: false,
  fastCheck: fc,
  runner: { describe, it },
  badOptions: {
    'no streams': () => redisInput({ streams: [] }),
    'an empty key': () => redisInput({ streams: '' }),
    'a URL of something else': () => redisInput({ url: 'localhost', streams: 'a' }),
    'a prefetch of 0': () => redisInput({ streams: 'a', prefetch: 0 }),
    'no timeout': () => redisInput({ streams: 'a', timeout: 0 }),
    'an interval of nothing': () => redisInput({ streams: 'a', interval: -1 }),
    'an empty group': () => redisInput({ streams: 'a', group: '' }),
    'something else for what is gone': () => redisInput({ streams: 'a', gone: 'ignore' as 'skip' }),
    'a decode that is no function': () => redisInput({ streams: 'a', decode: 'json' as never }),
  },
  place: count => redisPlace(server, count),
})
