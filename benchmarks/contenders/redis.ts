import type { Redis } from 'ioredis'
import type { SingleClient } from './single.ts'

/** A client that sends what is asked for in one turn of the event loop as one pipeline, by itself. */
export async function connectRedis(port: number): Promise<Redis> {
  // Not loaded by the processes of all the others.
  const { Redis } = await import('ioredis')
  const client = new Redis({ port, host: '127.0.0.1', enableAutoPipelining: true, lazyConnect: true })
  await client.connect()
  return client
}

/** What the loop by hand needs of it; it has no versions, so its writes have no condition, which spares it their cost. */
export const asSingle = (client: Redis): Pick<SingleClient, 'get' | 'set'> => ({
  get: (path, done) => void client.getBuffer(path, (error, data) => done(error, data!, 0)),
  set: (path, data, _version, done) => void client.set(path, data, error => done(error, false)),
})
