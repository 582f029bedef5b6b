import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type FaultProxy, startProxy } from 'rxkeeper/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** Sends back what it gets, and tells what it got. */
let echo: Server
let received = ''
let proxy: FaultProxy
const clients: Client[] = []

beforeEach(async () => {
  received = ''
  echo = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', chunk => {
      received += chunk.toString()
      socket.write(chunk)
    })
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`)
})

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  await proxy.stop()
  await new Promise(resolve => echo.close(resolve))
})

class Client {
  readonly socket: Socket
  heard = ''
  ended: string | undefined

  constructor() {
    this.socket = connect(proxy.port, proxy.host)
    this.socket.on('data', chunk => {
      this.heard += chunk.toString()
    })
    this.socket.on('error', error => {
      this.ended = (error as NodeJS.ErrnoException).code
    })
    this.socket.on('close', () => {
      this.ended ??= 'closed'
    })
    clients.push(this)
  }

  say(words: string): this {
    this.socket.write(words)
    return this
  }
}

const until = async (reached: () => boolean): Promise<void> => {
  while (!reached()) await new Promise(resolve => setTimeout(resolve, 2))
}

test('forwards both ways, and ends with the ends', async () => {
  const client = new Client().say('hello')
  await until(() => client.heard === 'hello')
  expect(proxy.connections).toBe(1)
  expect(proxy.servers).toBe(`127.0.0.1:${proxy.port}`)
  const closed = once(echo, 'connection').then(([socket]: Socket[]) => once(socket!, 'close'))
  const other = new Client().say('x')
  await until(() => other.heard === 'x')
  other.socket.end()
  await closed
  await until(() => other.ended === 'closed')
})

test('cuts both ways: nobody hears anything, until the cut is over', async () => {
  const client = new Client().say('1')
  await until(() => client.heard === '1')
  proxy.set({ toServer: { cut: true }, toClient: { cut: true } })
  client.say('2')
  const late = new Client().say('3')
  await until(() => proxy.connections === 2)
  expect([client.heard, late.heard, received]).toEqual(['1', '', '1'])
  proxy.set()
  await until(() => client.heard === '12' && late.heard === '3')
})

test('cuts one way', async () => {
  const client = new Client().say('1')
  await until(() => client.heard === '1')
  proxy.set({ toClient: { cut: true } })
  client.say('2')
  await until(() => received === '12')
  expect(client.heard).toBe('1')
  proxy.set({ toServer: { cut: true } })
  client.say('3')
  await until(() => client.heard === '12')
  expect(received).toBe('12')
})

test('resets open connections, and accepts new ones', async () => {
  const client = new Client().say('1')
  await until(() => client.heard === '1')
  proxy.reset()
  await until(() => client.ended === 'ECONNRESET')
  const next = new Client().say('2')
  await until(() => next.heard === '2')
})

test('resets in the middle of a reply', async () => {
  const client = new Client().say('123')
  await until(() => client.heard === '123')
  proxy.set({ toClient: { resetAfter: 4 } })
  client.say('456789')
  // Where data and reset come together, libuv shows the reset as an end.
  await until(() => client.ended !== undefined)
  expect(client.heard).toBe('1234567')
  expect(received).toBe('123456789')
})

test('delays, in order', async () => {
  proxy.set({ toClient: { delay: 60 } })
  const begun = performance.now()
  const client = new Client()
  for (const word of ['a', 'b', 'c', 'd']) client.say(word)
  await until(() => client.heard === 'abcd')
  expect(performance.now() - begun).toBeGreaterThan(55)
})

test('throttles', async () => {
  proxy.set({ toClient: { bytesPerSecond: 100_000 } })
  const begun = performance.now()
  const client = new Client().say('x'.repeat(20_000))
  await until(() => client.heard.length === 20_000)
  expect(performance.now() - begun).toBeGreaterThan(150)
})

test('accepts and never answers', async () => {
  proxy.set({ connect: 'hang' })
  const client = new Client().say('1')
  await until(() => proxy.connections === 1)
  proxy.set()
  const next = new Client().say('2')
  await until(() => next.heard === '2')
  expect([client.heard, client.ended, received]).toEqual(['', undefined, '2'])
})

test('resets new connections', async () => {
  proxy.set({ connect: 'reset' })
  const client = new Client()
  await until(() => client.ended === 'ECONNRESET')
})

test('resets clients when there is nobody behind it', async () => {
  const nobody = await startProxy(`127.0.0.1:${proxy.port}`)
  const { port } = nobody
  await nobody.stop()
  await nobody.stop()
  await using before = await startProxy(`127.0.0.1:${port}`)
  const socket = connect(before.port, before.host)
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET' })
})

test('refuses a target that is none', () => {
  expect(() => startProxy('localhost')).toThrow('host:port')
})
