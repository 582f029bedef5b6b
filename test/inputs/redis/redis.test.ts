import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { firstValueFrom } from 'rxjs'
import type { Delivered, PartitionedInput } from 'rxkeeper'
import { type RedisInputOptions, redisInput } from 'rxkeeper/inputs/redis'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { startRedis } from '../../setup/redis-server.ts'

const server = await startRedis()
const client = new Redis(server.url)
client.on('error', () => {})
const inputs: PartitionedInput<unknown, string>[] = []

type Reading<T> = AsyncIterator<Delivered<T, string>>

function open<T = Record<string, string>>(options: Partial<RedisInputOptions<T>> = {}) {
  const input = redisInput<T>({ url: server.url, streams: ['a'], ...options })
  inputs.push(input)
  return input
}

const begin = <T>(input: PartitionedInput<T, string>, after?: string): Reading<T> =>
  input.read('a', after)[Symbol.asyncIterator]()

const next = async <T>(reading: Reading<T>): Promise<string> => (await reading.next()).value.position

const add = (...ids: number[]): Promise<unknown> =>
  Promise.all(ids.map(id => client.xadd('a', `${id}-0`, 'n', `${id}`)))

const lagOf = async (input: PartitionedInput<unknown, string>, after?: string): Promise<unknown> =>
  (await input.lag?.('a', after))?.amount

const lost = { code: 'POSITION_LOST', partition: 'a' }

beforeEach(() => client.flushall())

afterEach(async () => {
  await Promise.all(inputs.splice(0).map(input => input.close?.()))
})

afterAll(async () => {
  client.disconnect()
  await server[Symbol.asyncDispose]()
})

it('a stream that is deleted, or made anew, has lost the position', async () => {
  await add(5, 6)
  await client.del('a')
  await expect(next(begin(open(), '5-0'))).rejects.toMatchObject({ ...lost, position: '5-0' })
  await add(1, 2)
  await expect(next(begin(open(), '5-0'))).rejects.toMatchObject(lost)
  const skipping = begin(open({ gone: 'skip' }), '5-0')
  expect([await next(skipping), await next(skipping)]).toEqual(['1-0', '2-0'])
})

it('entries that are trimmed while they are not read yet are lost, and said to be', async () => {
  await add(...Array.from({ length: 100 }, (_, i) => i + 1))
  const strict = begin(open({ prefetch: 1 }))
  const skipping = begin(open({ prefetch: 1, gone: 'skip' }))
  for (const reading of [strict, skipping]) expect(await next(reading)).toBe('1-0')
  await client.xtrim('a', 'MINID', '50-0')
  await expect(next(strict)).rejects.toMatchObject({ ...lost, position: '1-0' })
  expect(await next(skipping)).toBe('50-0')
})

it('a reader that is at the end loses nothing where all that it has read is trimmed', async () => {
  await add(1)
  const reading = begin(open())
  expect(await next(reading)).toBe('1-0')
  for (let id = 2; id < 20; id++) {
    const coming = next(reading)
    await client.xadd('a', 'MAXLEN', '=', 1, `${id}-0`, 'n', `${id}`)
    expect(await coming).toBe(`${id}-0`)
  }
})

it('entries that somebody deletes are passed over, wherever they are', async () => {
  await add(1, 2, 3, 4)
  await client.xdel('a', '2-0')
  expect(await next(begin(open(), '2-0'))).toBe('3-0')
  await client.xdel('a', '4-0')
  const reading = begin(open(), '1-0')
  expect(await next(reading)).toBe('3-0')
  const coming = next(reading)
  await add(5)
  expect(await coming).toBe('5-0')
})

it('asks little while it waits', async () => {
  await add(1, 2)
  await client.xdel('a', '2-0')
  const reading = begin(open())
  await next(reading)
  const calls = async (): Promise<number> => {
    const stats = await client.info('commandstats')
    return Number(/cmdstat_xrange:calls=(\d+)/.exec(stats)?.[1])
  }
  const coming = next(reading)
  const blocked = async (): Promise<boolean> => /blocked_clients:1/.test(await client.info('clients'))
  while (!(await blocked())) await new Promise(resolve => setImmediate(resolve))
  const before = await calls()
  await add(3)
  expect(await coming).toBe('3-0')
  expect((await calls()) - before).toBe(1)
})

it('a group shows what was committed, and is never moved back', async () => {
  await add(1, 2, 9, 10, 11)
  const input = open({ group: 'counts' })
  const shown = async (): Promise<unknown> => {
    const groups = (await client.xinfo('GROUPS', 'a')) as unknown[][]
    return groups.map(group => group[group.indexOf('last-delivered-id') + 1])
  }
  await input.committed('a', '9-0')
  expect(await shown()).toEqual(['9-0'])
  await input.committed('a', '10-0')
  await input.committed('a', '2-0')
  await input.committed('a', '9-5')
  expect(await shown()).toEqual(['10-0'])
  await client.del('a')
  await input.committed('a', '11-0')
  expect(await client.exists('a')).toBe(0)
  await add(1)
  await open().committed('a', '1-0')
  expect(await shown()).toEqual([])
})

it('lag is counted, and estimated where it is long', async () => {
  const input = open()
  expect(await input.lag('a', undefined)).toEqual({ amount: 0, unit: 'records' })
  const pipeline = client.pipeline()
  for (let id = 1; id <= 50_000; id++) pipeline.xadd('a', `${id}-0`, 'n', '1')
  await pipeline.exec()
  expect(await input.lag('a', undefined)).toEqual({ amount: 50_000, unit: 'records' })
  expect(await lagOf(input, '41000-0')).toBe(9000)
  expect(await lagOf(input, '20000-0')).toBeCloseTo(30_000, -2)
})

it('patterns find streams only, and no other keys', async () => {
  await add(1)
  await client.set('ab', 'x')
  await client.xadd('ac', '*', 'n', '1')
  const input = open({ streams: ['a*', 'z'] })
  expect(await firstValueFrom(input.partitions$)).toEqual(['a', 'ac', 'z'])
})

it('says what it cannot read', async () => {
  await client.set('a', 'x')
  await expect(next(begin(open()))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', partition: 'a' })
  const input = open()
  const other = input.read('b', undefined)[Symbol.asyncIterator]()
  await expect(other.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(input.lag('b', undefined)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

it('gives fields as strings and as bytes', async () => {
  const bytes = Buffer.from([0, 255, 10])
  await client.xadd('a', '1-0', 'text', 'é', 'data', bytes)
  const input = open({ decode: entry => [entry.id, entry.fields.text, entry.bytes('data')] })
  expect((await begin(input).next()).value.record).toEqual(['1-0', 'é', bytes])
  const missing = open({ decode: entry => entry.bytes('none') })
  await expect(next(begin(missing))).rejects.toMatchObject({ code: 'CODEC', position: '1-0' })
})

it('without the package ioredis the error says what to install', () => {
  const program = fileURLToPath(new URL('without-ioredis.ts', import.meta.url))
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--conditions=rxkeeper-source', program])
  expect(`${output}`).toBe(
    'UNSUPPORTED the Redis input needs the npm package "ioredis": npm install ioredis\n',
  )
})

it('refuses wrong credentials as AUTH', async () => {
  await using closed = await startRedis('--requirepass', 'secret')
  for (const url of [closed.url, closed.url.replace('//', '//:wrong@')]) {
    await expect(next(begin(open({ url })))).rejects.toMatchObject({ code: 'AUTH' })
    await expect(open({ url }).lag('a', undefined)).rejects.toMatchObject({ code: 'AUTH' })
  }
  const right = open({ url: closed.url, connection: { password: 'secret' } })
  expect(await lagOf(right)).toBe(0)
})

it('a server that cannot be reached is UNAVAILABLE when time is up', async () => {
  await using gone = await startRedis()
  const options = { url: gone.url, timeout: 200 }
  const [input, waiting] = [open(options), begin(open(options))]
  const coming = next(waiting)
  await input.lag('a', undefined)
  await gone.kill()
  await expect(coming).rejects.toMatchObject({ code: 'UNAVAILABLE', partition: 'a' })
  await expect(input.lag('a', undefined)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await gone.start()
  expect(await lagOf(input)).toBe(0)
})

it('a server that hangs is UNAVAILABLE when time is up', async () => {
  await using hanging = await startRedis()
  const reading = begin(open({ url: hanging.url, timeout: 200 }))
  const coming = next(reading)
  hanging.pause()
  await expect(coming).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  hanging.resume()
})
