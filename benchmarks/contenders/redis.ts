import { Redis } from 'ioredis'

/** A client that sends what is asked for in one turn of the event loop as one pipeline, by itself. */
export async function connectRedis(port: number): Promise<Redis> {
  const client = new Redis({ port, host: '127.0.0.1', enableAutoPipelining: true, lazyConnect: true })
  await client.connect()
  return client
}
