import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEnsemble, startZooKeeper } from 'rxkeeper/testing'
import { connectPlain, makePath, type PlainClient } from '../contenders/plain.ts'
import { framesOf, readFrame, Wire, writeFrame } from '../contenders/wire.ts'
import { type Comparison, keysAt, type Outside, type Place, type Server } from './question.ts'
import { freePort, startRedis } from './redis.ts'
import { createAll, removeTree, removeTreeAtLast } from './tree.ts'
import { filled, keyAt } from './work.ts'
import type { WriteOrder } from './writer.ts'

/** A server, for as many contenders as want it. */
interface Stage {
  readonly servers: string
  readonly secured?: Place['secured']
  readonly redis: number
  readonly pids: readonly number[]
  /** Make and remove the contenders' roots; `undefined` where it is no ZooKeeper server. */
  readonly hands: { readonly client: PlainClient; readonly wire: Wire } | undefined
  stop(): Promise<void>
}

const TOP = '/rxkeeper-benchmarks'
/** Debian's default heap is less than a million keys take. */
const SERVER_OPTIONS = { jvmArgs: ['-Xms2g', '-Xmx2g', '-XX:+AlwaysPreTouch'], tickTime: 2000 }

/** The servers, started when they are first needed. */
export class Arena {
  readonly #stages = new Map<Server, Promise<Stage>>()
  readonly #folder = mkdtempSync(join(tmpdir(), 'rxkeeper-benchmarks-'))
  readonly #warmUp: number
  readonly #tidy: boolean
  readonly #writerScript: string
  #writer: ChildProcess | undefined
  #roots = 0

  /**
   * `warmUp`: how long a new ZooKeeper server is warmed up, in milliseconds. `tidy`: whether what a contender leaves is
   * removed before the next comparison, and not only with the server.
   */
  constructor(warmUp: number, tidy: boolean, writerScript: string) {
    this.#warmUp = warmUp
    this.#tidy = tidy
    this.#writerScript = writerScript
  }

  /** A place of its own for a contender of the comparison, and how to leave it. */
  async enter(
    comparison: Comparison,
    server: Server,
    point: number,
  ): Promise<{ place: Place; outside: Outside; leave: () => Promise<void> }> {
    const stage = await this.#stage(server)
    const number = this.#roots++
    const root = stage.hands === undefined ? `root-${number}` : `${TOP}/${number}`
    const place: Place = {
      servers: stage.servers,
      secured: stage.secured,
      redis: stage.redis,
      pids: stage.pids,
      folder: join(this.#folder, String(number)),
      root,
      point,
    }
    const { hands } = stage
    if (hands !== undefined) {
      await makePath(hands.client, root)
      const paths = Array.from({ length: keysAt(comparison, point) }, (_, i) => `${root}/${keyAt(i)}`)
      await createAll(hands.wire, paths, comparison.value?.(point) ?? filled('initial'))
    }
    return {
      place,
      outside: { write: (count, stamp) => this.#write({ servers: stage.servers, root, count, stamp }) },
      leave: async () => {
        if (hands !== undefined && this.#tidy) await removeTreeAtLast(hands.client, hands.wire, root)
      },
    }
  }

  async stop(): Promise<void> {
    this.#writer?.kill('SIGKILL')
    for (const stage of this.#stages.values()) await stage.then(each => each.stop()).catch(() => {})
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #stage(server: Server): Promise<Stage> {
    let stage = this.#stages.get(server)
    if (stage === undefined) {
      stage = this.#start(server)
      this.#stages.set(server, stage)
    }
    return stage
  }

  async #start(server: Server): Promise<Stage> {
    switch (server) {
      case 'none':
        return { servers: '', redis: 0, pids: [], hands: undefined, stop: async () => {} }
      case 'redis': {
        const redis = await startRedis()
        return {
          servers: '',
          redis: redis.port,
          pids: [redis.pid],
          hands: undefined,
          stop: () => redis.stop(),
        }
      }
      case 'zookeeper': {
        const zookeeper = await startZooKeeper(SERVER_OPTIONS)
        return this.#zookeeper(zookeeper, [zookeeper.pid!])
      }
      case 'zookeeper-tls': {
        const clientPort = await freePort()
        const server = await startZooKeeper({ ...SERVER_OPTIONS, tls: true, config: { clientPort } })
        const plain = { servers: `${server.host}:${clientPort}`, stop: () => server.stop() }
        const secured = { servers: server.servers, tls: server.tls! }
        return { ...(await this.#zookeeper(plain, [server.pid!])), secured }
      }
      case 'ensemble': {
        const ensemble = await startEnsemble(3, SERVER_OPTIONS)
        return this.#zookeeper(
          ensemble,
          ensemble.members.map(member => member.pid!),
        )
      }
    }
  }

  async #zookeeper(server: { servers: string; stop(): Promise<void> }, pids: number[]): Promise<Stage> {
    const client = await connectPlain(server.servers)
    const wire = await Wire.connect(server.servers)
    await makePath(client, TOP)
    await this.#warm(client, wire)
    const stop = async () => {
      wire.close()
      client.close()
      await server.stop()
    }
    return { servers: server.servers, redis: 0, pids, hands: { client, wire }, stop }
  }

  /** Lets Java compile what all contenders use, before any of them is measured. */
  async #warm(client: PlainClient, wire: Wire): Promise<void> {
    const root = `${TOP}/warm-up`
    await makePath(client, root)
    const paths = Array.from({ length: 2000 }, (_, i) => `${root}/${keyAt(i)}`)
    const value = filled('warm-up')
    await createAll(wire, paths, value)
    const reads = framesOf(paths, 256, readFrame)
    const writes = framesOf(paths, 128, group => writeFrame(group, value))
    const end = performance.now() + this.#warmUp
    while (performance.now() < end) {
      await wire.sendAll(reads, 4)
      await wire.sendAll(writes, 4)
      await Promise.all(
        paths
          .slice(0, 500)
          .map(
            path =>
              new Promise<void>((resolve, reject) =>
                client.getData(path, error =>
                  error
                    ? reject(error)
                    : client.setData(path, value, -1, failed => (failed ? reject(failed) : resolve())),
                ),
              ),
          ),
      )
    }
    await removeTree(client, wire, root)
  }

  #write(order: WriteOrder): Promise<void> {
    this.#writer ??= fork(this.#writerScript)
    const writer = this.#writer
    return new Promise((resolve, reject) => {
      writer.once('message', answer =>
        answer === 'written' ? resolve() : reject(new Error(JSON.stringify(answer))),
      )
      writer.send(order)
    })
  }
}
