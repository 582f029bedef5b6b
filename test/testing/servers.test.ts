import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { filter, firstValueFrom } from 'rxjs'
import { text, zookeeperStore } from 'rxkeeper'
import { findZooKeeper, startZooKeeper, type ZooKeeperServer } from 'rxkeeper/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nodeKey } from '../../src/contract/nodes.ts'
import type { AnyStore } from '../../src/store/kv-store.ts'
import { observedOf } from '../../src/store/observed-engine.ts'
import { called, connectPlain } from '../faults/support/plain.ts'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
/** The id of a store's session, as its status tells it. */
const sessionOf = async ({ status$ }: AnyStore): Promise<bigint> => {
  const { reason } = await firstValueFrom(status$.pipe(filter(({ state }) => state === 'connected')))
  return BigInt(/session (0x[0-9a-f]+)/.exec(reason)![1]!)
}

/** The folder that a server keeps its data in. */
const folderOf = async (server: ZooKeeperServer): Promise<string> =>
  /dataDir=(.+)\/data\//.exec(await server.fourLetterWord('conf'))![1]!

describe('startZooKeeper', () => {
  test('gives a server that serves, and stops it with all that it left', async () => {
    const server = await startZooKeeper()
    const folder = await folderOf(server)
    expect(existsSync(folder)).toBe(true)
    const pid = server.pid!
    expect(isAlive(pid)).toBe(true)
    expect(await server.mode()).toBe('standalone')
    expect(await server.fourLetterWord('ruok')).toBe('imok')
    expect(server.servers).toBe(`127.0.0.1:${server.port}`)
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    expect(server.pid).toBeUndefined()
    expect(await server.mode()).toBeUndefined()
    await server.stop()
    expect(existsSync(folder)).toBe(false)
  })

  test('killed and restarted, it has the same port and the data', async () => {
    await using server = await startZooKeeper()
    const client = await connectPlain(server.servers)
    await called(done => client.create('/kept', Buffer.from('value'), 0, done))
    client.close()
    const { port, pid } = server
    await server.kill()
    expect(server.pid).toBeUndefined()
    await server.restart()
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    const again = await connectPlain(server.servers)
    const data = await called<Buffer>(done => again.getData('/kept', done))
    expect(data.toString()).toBe('value')
    again.close()
    await server.restart()
    expect(await server.mode()).toBe('standalone')
  })

  test('paused, it answers nothing and stays; resumed, it goes on', async () => {
    await using server = await startZooKeeper()
    server.pause()
    expect(await server.mode()).toBeUndefined()
    await expect(server.fourLetterWord('ruok')).rejects.toThrow('did not answer ruok')
    expect(isAlive(server.pid!)).toBe(true)
    server.resume()
    expect(await server.mode()).toBe('standalone')
    server.pause()
    await server.stop()
  })

  test('expires a session: its ephemeral nodes go and its client is told', async () => {
    await using server = await startZooKeeper()
    await using store = zookeeperStore({ servers: server.servers, root: '/expires', value: text })
    await using other = zookeeperStore({ servers: server.servers, root: '/expires', value: text })
    const [session, othersSession] = await Promise.all([sessionOf(store), sessionOf(other)])
    const expired = firstValueFrom(
      store.status$.pipe(filter(({ reason }) => reason === 'the session expired')),
    )
    const node = nodeKey('here')
    const due = { deadline: Number.POSITIVE_INFINITY }
    const made = {
      type: 'put',
      key: node,
      value: Buffer.of(1),
      ifVersion: 'absent',
      ephemeral: true,
    } as const
    await firstValueFrom(observedOf(store).engine.commit([made], due))
    const seen = async () => (await firstValueFrom(observedOf(other).engine.read([node], due)))[0]
    expect(await seen()).toBeDefined()
    expect(await server.sessions()).toEqual(expect.arrayContaining([session, othersSession]))
    expect(await server.expireSession(session)).toBe(true)
    expect((await expired).state).toBe('lost')
    expect(await seen()).toBeUndefined()
    expect(await server.expireSession(session)).toBe(false)
    expect(await server.sessions()).toContain(othersSession)
  })

  test('takes options', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rxkeeper-test-'))
    try {
      const options = {
        folder,
        tickTime: 1000,
        enforceQuota: true,
        systemProperties: { 'jute.maxbuffer': '4096' },
        jvmArgs: ['-Xmx128m'],
        config: { maxSessionTimeout: 60_000 },
      }
      const server = await startZooKeeper(options)
      const { port } = server
      const conf = await server.fourLetterWord('conf')
      expect(conf).toContain('tickTime=1000')
      expect(conf).toContain('maxSessionTimeout=60000')
      const environment = await server.fourLetterWord('envi')
      expect(environment).toContain('os.memory.max=128MB')
      await expect(startZooKeeper({ port })).rejects.toThrow(
        /ended while starting; its log ends with:\n.*in use/s,
      )
      await server.stop()
      expect(existsSync(join(folder, 'data'))).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** A process that starts a server, tells its id, and does as it is told. */
const PROGRAM = `
import { startZooKeeper } from 'rxkeeper/testing'
const server = await startZooKeeper()
console.log(server.pid)
console.log(await server.fourLetterWord('conf'))
if (process.argv[1] !== 'leave') setInterval(() => {}, 1000)
`

async function run(what: string): Promise<{ child: ChildProcess; pid: number; folder: string }> {
  const args = [
    '--import',
    'tsx',
    '--conditions=rxkeeper-source',
    '--input-type=module',
    '-e',
    PROGRAM,
    '--',
    what,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: process.cwd() })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const pid = Number((await lines.next()).value)
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    const folder = /^dataDir=(.+)\/data\//.exec(line)?.[1]
    if (folder !== undefined) return { child, pid, folder }
  }
  throw new Error('it did not tell its folder')
}

describe.concurrent('a server does not outlive the process that started it', () => {
  test.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', async signal => {
    const { child, pid, folder } = await run('stay')
    expect(isAlive(pid)).toBe(true)
    expect(existsSync(folder)).toBe(true)
    child.kill(signal)
    while (isAlive(pid)) await sleep(10)
    while (existsSync(folder)) await sleep(10)
  })

  test('its end, which a server does not put off', async () => {
    const { child, pid } = await run('leave')
    if (child.exitCode === null) await new Promise(resolve => child.once('exit', resolve))
    expect(child.exitCode).toBe(0)
    while (isAlive(pid)) await sleep(10)
  })
})

describe('findZooKeeper', () => {
  afterEach(() => vi.unstubAllEnvs())

  test('takes the class path of the environment', () => {
    vi.stubEnv('RXKEEPER_ZOOKEEPER_CLASSPATH', '/some/where.jar')
    expect(findZooKeeper().classPath).toBe('/some/where.jar')
  })

  test('takes a release, and says when it is none', () => {
    const home = mkdtempSync(join(tmpdir(), 'rxkeeper-test-'))
    vi.stubEnv('ZOOKEEPER_HOME', home)
    expect(() => findZooKeeper()).toThrow(`ZOOKEEPER_HOME is ${home}, which has no folder lib`)
    rmSync(home, { recursive: true })
    vi.stubEnv('ZOOKEEPER_HOME', '/usr')
    expect(findZooKeeper().classPath).toBe('/usr/lib/*:/usr/conf')
  })

  test('says what to install where there is no java', () => {
    vi.stubEnv('PATH', '/nowhere')
    vi.stubEnv('JAVA_HOME', '')
    expect(() => findZooKeeper()).toThrow(/no java found.*apt-get install -y default-jre-headless/s)
  })
})
