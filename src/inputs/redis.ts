/** Redis Streams as a partitioned input; needs the package `ioredis`. */
export { RedisEntry } from './redis/entry.ts'
export { type RedisInput, redisInput } from './redis/input.ts'
export type { RedisInputOptions } from './redis/options.ts'
