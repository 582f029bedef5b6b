import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { firstValueFrom, from, lastValueFrom, ReplaySubject, timer, toArray } from 'rxjs'
import {
  bytes,
  encrypted,
  historyKV,
  job,
  json,
  type KVStore,
  meterStore,
  openKeyring,
  processKV,
  publishFigures,
  rotate$,
  type Session,
  sessionKV,
  type Window,
  windowKV,
  zookeeperStore,
} from 'rxkeeper'
import { memoryInput, type ZooKeeperServer } from 'rxkeeper/testing'
import { expect, it } from 'vitest'
import { patience } from './support/knobs.ts'
import { startServer } from './support/servers.ts'

/*
 * Everything that writes values is run on an encrypted store, and a key is rotated while a job runs. Then what went over the wire
 * and what is on the server's disk, snapshots too, is searched for values and for keys.
 */

const SECRET = 'the-secret-of-ann'
const keys: Record<string, Buffer> = { k1: randomBytes(32), k2: randomBytes(32) }

/** What must not be found, in the forms in which it could be. */
const forbidden = [
  SECRET,
  Buffer.from(SECRET).toString('base64').slice(2, -4),
  ...Object.values(keys).flatMap(key => [
    key.toString('latin1'),
    key.toString('hex'),
    key.toString('base64').slice(0, 40),
  ]),
]

const foundIn = (content: Buffer): string[] => forbidden.filter(each => content.includes(each, 0, 'latin1'))

/** All that a server has written: logs, snapshots, and what it says. */
async function diskOf(server: ZooKeeperServer): Promise<Map<string, Buffer>> {
  const [, data] = /dataDir=(.*)\/version-2/.exec(await server.fourLetterWord('conf')) ?? []
  const folder = dirname(data!)
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .map(file => [file, readFileSync(file)]),
  )
}

/** Passes connections on, and keeps all that goes through them. */
async function tapOf(server: ZooKeeperServer) {
  const chunks: Buffer[] = []
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const target = connect({ host: server.host, port: server.port })
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => other.destroy())
      one.on('data', chunk => {
        chunks.push(chunk)
        other.write(chunk)
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    servers: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    captured: () => Buffer.concat(chunks),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => listener.close(resolve))
    },
  }
}

interface Visit {
  readonly number: number
  readonly user: string
  readonly secret: string
}

interface Count {
  readonly count: number
  readonly secret: string
}

const PARTITIONS = 3
const RECORDS = 1_000
const USERS = 50

const visitsOf = (p: number): Visit[] =>
  Array.from({ length: RECORDS }, (_, number) => ({ number, user: `${p}-${number % USERS}`, secret: SECRET }))

const counting = job({
  name: 'counting',
  value: json<Count>(),
  input: memoryInput(
    Object.fromEntries(Array.from({ length: PARTITIONS }, (_, p) => [`p${p}`, visitsOf(p)])),
  ),
  keyOf: ({ user }) => user,
  transform: ({ number, secret }, before: Count | undefined) => {
    if (number === 7) throw new Error(`cannot be counted: ${secret}`)
    return { count: (before?.count ?? 0) + 1, secret }
  },
  process: { commitSize: 32 },
})

/** Windows, sessions, histories and figures, below keys of their own. */
async function writeOfEveryKind(store: KVStore<never>): Promise<void> {
  const secrets = [1, 11, 2].map(at => ({ at, secret: SECRET }))
  const timeOf = ({ at }: { at: number }) => at
  const last = (_: unknown, __?: unknown): string => SECRET
  const to = <V>() => store as unknown as KVStore<V>
  await lastValueFrom(
    from(secrets).pipe(windowKV(to<Window<string>>(), () => 'window', last, { timeOf, size: 10 })),
  )
  await lastValueFrom(from(secrets).pipe(sessionKV(to<readonly Session<string>[]>(), () => 'session', last, { timeOf, gap: 5, merge: last }))) // biome-ignore format: a pipe
  await lastValueFrom(from(secrets).pipe(historyKV(to<readonly { secret: string }[]>(), () => 'history', { keep: 2 }))) // biome-ignore format: a pipe
  await lastValueFrom(from(secrets).pipe(processKV(to<string>(), () => 'processed', last)))
  const published = publishFigures(to(), SECRET.slice(0, 3), { store: meterStore(store) }, { interval: 10 })
  await expect.poll(() => firstValueFrom(store.entry$(published.key)), { timeout: 30_000 }).toBeDefined()
}

it(
  'no value and no key is on the wire or on the disk, while a key is rotated under a job that runs',
  async () => {
    await using server = await startServer({
      systemProperties: { 'zookeeper.forceSync': 'no', 'zookeeper.snapCount': '100' },
    })
    await using tap = await tapOf(server)
    const place = { servers: tap.servers, root: '/secrecy' }
    const keyrings = await Promise.all(
      [1, 2].map(() => openKeyring({ current: 'k1', key: async id => keys[id] })),
    )
    const [own, others] = keyrings
    await using store = zookeeperStore({ ...place, value: encrypted(json<Count>(), own!) })
    await using other = zookeeperStore({ ...place, value: encrypted(json<never>(), others!) })
    await writeOfEveryKind(other)

    const rotated$ = new ReplaySubject<void>(1)
    const outputs: string[] = []
    const letters: string[] = []
    const running = counting.run({
      store,
      output: ([{ number, user }, value]) => {
        outputs.push(`${user} ${number} ${value?.count}`)
        // So that it cannot have come to its end before the key is rotated.
        return user.startsWith('0-') && number === RECORDS - 1 ? firstValueFrom(rotated$) : timer(0)
      },
      deadLetter: ({ error }) => void letters.push(error.message),
    })
    await expect.poll(() => outputs.length, { timeout: 30_000 }).toBeGreaterThan(300)
    const before = outputs.length
    for (const keyring of keyrings) await keyring.use('k2')
    const { done, rotated } = await lastValueFrom(rotate$(other))
    expect([done, rotated > 0]).toEqual([true, true])
    for (const keyring of keyrings) keyring.refuse('k1')
    await expect.poll(() => outputs.length, { timeout: 30_000 }).toBeGreaterThan(before)
    rotated$.next()
    expect((await running).exitCode).toBe(0)

    // Each record has counted once, and its output has its value; those that cannot be counted were told.
    const expected = Array.from({ length: PARTITIONS }, (_, p) => p).flatMap(p =>
      visitsOf(p)
        .filter(({ number }) => number !== 7)
        .map(
          ({ user, number }) =>
            `${user} ${number} ${Math.floor(number / USERS) + (number % USERS === 7 ? 0 : 1)}`,
        ),
    )
    expect([...outputs].sort()).toEqual([...expected].sort())
    expect(letters).toHaveLength(PARTITIONS)
    expect(letters[0]).toContain(SECRET)
    const entries = await lastValueFrom(store.entries$({ from: '0', to: ':' }).pipe(toArray()))
    expect(entries.reduce((sum, { value }) => sum + value.count, 0)).toBe(PARTITIONS * (RECORDS - 1))
    expect(entries[0]!.value.secret).toBe(SECRET)

    // The search finds what is there to be found.
    await using raw = zookeeperStore({ ...place, value: bytes })
    await firstValueFrom(raw.put$('in the clear', Buffer.from('in-the-clear')))
    await server.restart()
    await expect.poll(() => firstValueFrom(raw.get$('in the clear')), { timeout: 30_000 }).toBeDefined()
    const wire = tap.captured()
    expect(wire.includes('in-the-clear')).toBe(true)
    expect(foundIn(wire)).toEqual([])
    const disk = await diskOf(server)
    const names = [...disk.keys()]
    for (const kind of ['/log.', '/snapshot.']) {
      const files = names.filter(name => name.includes(kind)).map(name => disk.get(name)!)
      expect([kind, files.some(content => content.includes('in-the-clear'))]).toEqual([kind, true])
    }
    for (const [name, content] of disk) expect([name, foundIn(content)]).toEqual([name, []])
  },
  patience,
)
