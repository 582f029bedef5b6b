/** Opens an input where the package ioredis is not installed. */
import Module from 'node:module'
import { KVError } from 'rxkeeper'

const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
const resolve = loader._resolveFilename
loader._resolveFilename = (request, ...rest) => {
  if (request === 'ioredis') throw new Error("Cannot find module 'ioredis'")
  return resolve.call(loader, request, ...rest)
}
const { redisInput } = await import('rxkeeper/inputs/redis')
try {
  redisInput({ streams: 'a' })
} catch (error) {
  if (error instanceof KVError) console.log(error.code, error.message)
}
