import { setTimeout as sleep } from 'node:timers/promises'
import { firstValueFrom, toArray } from 'rxjs'
import { job, json, zookeeperStore } from 'rxkeeper'
import { memoryInput, type ZooKeeperEnsemble } from 'rxkeeper/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshRoot } from '../setup/fresh-root.ts'
import { patience, soaking, spell } from './support/knobs.ts'
import { seeded } from './support/random.ts'
import { startThree } from './support/servers.ts'
import { until } from './support/until.ts'

/*
 * A job on two ensembles of three servers, of which some, and whole ensembles, go and come back: each record counts once, and its
 * output comes at least once, in the order of its partition but for repeats.
 */

const PARTITIONS = ['p0', 'p1', 'p2']
const KEYS = 20

type Loss = [which: string, index: number, how: 'killed' | 'frozen']
const more: Loss[] = [
  ['the second', 1, 'killed'],
  ['the first', 0, 'frozen'],
]

let ensembles: readonly ZooKeeperEnsemble[]
beforeAll(async () => {
  ensembles = await Promise.all([startThree(), startThree()])
}, patience)
afterAll(async () => {
  await Promise.all(ensembles?.map(ensemble => ensemble.stop()) ?? [])
})

/** A running job, its input, and what came out of it. */
class Counting implements AsyncDisposable {
  readonly root: string = freshRoot('ensembles')
  readonly input = memoryInput<number>(Object.fromEntries(PARTITIONS.map(p => [p, []])), { live: true })
  readonly run
  /** The last position of each partition that came out, and how many of its records there are. */
  readonly newest = new Map<string, number>()
  readonly problems: string[] = []
  #fed = 0
  #feeding = true
  readonly #feeder: Promise<void>
  readonly #store

  constructor() {
    this.#store = this.open()
    this.run = job({
      name: 'counting',
      value: json<number>(),
      store: this.#store,
      input: this.input,
      keyOf: record => `key-${record}`,
      transform: (_, count = 0) => count + 1,
      output: (_, { partition, position }) => this.#out(partition!, position as number),
      process: { commitSize: 64 },
    }).run({ signals: [] })
    // Looked at when it is waited for.
    Promise.resolve(this.run).catch(() => {})
    this.#feeder = this.#feed()
  }

  open() {
    const servers = ensembles.map(ensemble => ensemble.servers)
    return zookeeperStore({
      ensembles: servers,
      root: this.root,
      value: json<number>(),
      sessionTimeout: 4000,
      timeout: 5000,
    })
  }

  /** Waits until so many more have come out of each partition. */
  async proceed(more = 200): Promise<void> {
    const goal = new Map(PARTITIONS.map(p => [p, (this.newest.get(p) ?? 0) + more]))
    const isThere = () => PARTITIONS.every(p => (this.newest.get(p) ?? 0) >= goal.get(p)!)
    await until(() => `the job goes on: ${[...this.newest]}, ${this.problems}`, isThere, patience / 2)
  }

  /** No more comes in; what is there is processed, and looked at. */
  async end(): Promise<void> {
    this.#feeding = false
    await this.#feeder
    this.input.end()
    await this.run
    expect(this.problems).toEqual([])
    expect([...this.newest.values()]).toEqual(PARTITIONS.map(() => this.#fed))
    await using store = this.open()
    const counts = await firstValueFrom(store.entries$().pipe(toArray()))
    const total = counts.reduce((sum, { value }) => sum + value, 0)
    expect(counts).toHaveLength(KEYS * PARTITIONS.length)
    expect(total).toBe(this.#fed * PARTITIONS.length)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feeding = false
    this.run.abort()
    await this.#store.close()
  }

  async #feed(): Promise<void> {
    for (; this.#feeding; await sleep(5)) {
      for (let i = 0; i < 10; i++, this.#fed++) {
        PARTITIONS.forEach((p, index) => {
          this.input.append(p, (this.#fed % KEYS) + index * KEYS)
        })
      }
    }
  }

  #out(partition: string, position: number): void {
    const newest = this.newest.get(partition) ?? 0
    if (position > newest + 1) this.problems.push(`${partition}: ${position} after ${newest}`)
    this.newest.set(partition, Math.max(newest, position))
  }
}

describe('a job on two ensembles of three', () => {
  const random = seeded('ensembles')

  it(
    'survives the loss of a server in each, of one after the other',
    async () => {
      await using counting = new Counting()
      await counting.proceed()
      const lost = ensembles.map(({ members }) => random.pick(members))
      await Promise.all(lost.map(server => server.kill()))
      await counting.proceed()
      await Promise.all(lost.map(server => server.restart()))
      await counting.proceed()
      await counting.end()
    },
    patience,
  )

  it.each<Loss>([['the first', 0, 'killed'], ['the second', 1, 'frozen'], ...(soaking ? more : [])])(
    'survives the loss of %s of them for some time (%s, %s)',
    async (_, index, how) => {
      await using counting = new Counting()
      await counting.proceed()
      const { members } = ensembles[index]!
      if (how === 'killed') await Promise.all(members.map(server => server.kill()))
      else for (const server of members) server.pause()
      // Longer than its requests and its sessions live.
      await sleep(spell(7000, 60_000))
      if (how === 'killed') await Promise.all(members.map(server => server.restart()))
      else for (const server of members) server.resume()
      await counting.proceed()
      await counting.end()
    },
    patience,
  )
})
