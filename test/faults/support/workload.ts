import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyStore, json, type KVStore, type ZooKeeperStoreOptions, zookeeperStore } from 'rxkeeper'
import { Client, type Value } from './client.ts'
import { History } from './history.ts'
import type { Random } from './random.ts'
import { until, within } from './until.ts'
import { Follower, Watcher } from './viewers.ts'

/** How many operations a key of several writers sees before another takes its place. */
const OPERATIONS_A_KEY = 60

/** Operations that have been asked for settle within this, in milliseconds. */
const TIMEOUT = 5000

const REGISTERS = ['register-0', 'register-1', 'register-2']

/** One key after the other, so that no history gets long. */
class Rotation {
  readonly #name: string
  #used = 0

  constructor(name: string) {
    this.#name = name
  }

  next(): string {
    return `${this.#name}-${Math.floor(this.#used++ / OPERATIONS_A_KEY)}`
  }

  /** Another key from now on. */
  turn(): void {
    this.#used += OPERATIONS_A_KEY - (this.#used % OPERATIONS_A_KEY)
  }
}

/**
 * Clients that write, read, watch and follow keys of several kinds, each with a session of its own:
 *
 * - registers are written by all, only by compare-and-set (`put$` with `ifVersion`, `update$`), and never deleted: their
 *   version counts their writes, and each value names the one that it replaced,
 * - a life belongs to one client, which creates, changes, deletes and recreates it: its commits are known in order,
 * - mixed keys see everything from everybody.
 */
export class Workload implements AsyncDisposable {
  readonly history: History = new History()
  readonly clients: Client[] = []
  readonly watchers: Watcher[] = []
  readonly followers: Follower[] = []
  /** What was committed to a life, in order; `open` where the outcome of the last is unknown. */
  readonly lives: Map<string, { readonly committed: (string | undefined)[]; open: boolean }> = new Map()
  readonly surprises: unknown[] = []
  readonly #random: Random
  readonly #loops: Promise<void>[] = []
  readonly #mixed = new Rotation('mixed')
  #running = true

  constructor(random: Random) {
    this.#random = random
  }

  /** Stores on `servers` with all clients, connected, and their loops begun. */
  static async start(
    servers: string,
    root: string,
    random: Random,
    options: Partial<ZooKeeperStoreOptions<Value>> = {},
  ): Promise<Workload> {
    const workload = new Workload(random)
    const open = (name: string, more: Partial<ZooKeeperStoreOptions<Value>> = {}): Client => {
      const store = zookeeperStore({
        servers,
        root,
        value: json<Value>(),
        sessionTimeout: 2000,
        timeout: TIMEOUT,
        ...options,
        ...more,
      })
      const client = new Client(name, store, workload.history, more.consistency !== 'linearizable')
      workload.clients.push(client)
      return client
    }
    const writers = [open('anna'), open('bert')]
    const cached = open('cora', { cache: 100 })
    const linear = [
      open('dora', { consistency: 'linearizable' }),
      open('emil', { consistency: 'linearizable' }),
    ]
    for (const register of REGISTERS) {
      await within('the first put', writers[0]!.put(register, writers[0]!.value(null), 'absent'))
    }
    const viewers = [cached.store, open('fred').store]
    for (const store of viewers) {
      const watcher = new Watcher(store)
      for (const register of REGISTERS) watcher.watch(register)
      workload.watchers.push(watcher)
      workload.followers.push(new Follower(store))
    }
    for (const writer of writers) {
      workload.#loop(random => workload.#casRegister(writer, random))
      workload.#loop(() => writer.update(workload.#random.pick(REGISTERS)))
      workload.#loop(() => writer.read(workload.#random.pick(REGISTERS)))
      workload.#live(writer)
    }
    workload.#loop(random => cached.read(random.pick(REGISTERS)))
    for (const client of linear) {
      workload.#loop(random => client.read(random.pick(REGISTERS)))
      for (let i = 0; i < 2; i++) workload.#loop(random => workload.#mix(client, random))
      workload.#loop(random => workload.#casRegister(client, random))
    }
    return workload
  }

  store(name: string): KVStore<Value> {
    return this.clients.find(client => client.name === name)!.store
  }

  /** Waits until some more operations are answered, so that a fault does not meet clients that are idle. */
  async proceed(): Promise<void> {
    const enough = this.history.answered + this.#random.whole(50, 400)
    await until('operations go on', () => this.history.answered >= enough)
  }

  /** Asks for no more, and waits until all that was asked for is answered. */
  async finish(): Promise<void> {
    this.#running = false
    const pending = (): string[] =>
      this.clients.filter(client => client.pending > 0).map(({ name, pending }) => `${name}: ${pending}`)
    await within(`all is answered; pending: ${pending()}`, Promise.all(this.#loops), TIMEOUT * 4)
    await until(
      () => `all are connected: ${this.clients.map(client => `${client.name} ${client.losses}`)}`,
      () => this.clients.every(client => isConnected(client.store)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running = false
    for (const viewer of [...this.watchers, ...this.followers]) viewer.stop()
    await Promise.all(this.clients.map(({ name, store }) => within(`${name} closes`, store.close())))
  }

  #loop(step: (random: Random) => Promise<unknown>): void {
    const random = this.#random.fork()
    const run = async (): Promise<void> => {
      while (this.#running) {
        await step(random)
        await sleep(random.whole(0, 6))
      }
    }
    this.#loops.push(run().catch(error => void this.surprises.push(error)))
  }

  async #casRegister(client: Client, random: Random): Promise<void> {
    const key = random.pick(REGISTERS)
    const found = await client.read(key)
    if (found.type !== 'done') return
    const state = found.result
    await client.put(key, client.value(state?.value), state?.version ?? 'absent')
  }

  async #mix(client: Client, random: Random): Promise<void> {
    const key = this.#mixed.next()
    const found = await client.read(key)
    const state = found.type === 'done' ? found.result : undefined
    const kind = random.whole(0, 6)
    let outcome: { readonly type: string } = found
    if (kind <= 1) outcome = await client.put(key, client.value(undefined))
    else if (kind === 2) outcome = await client.put(key, client.value(undefined), state?.version ?? 'absent')
    else if (kind === 3) outcome = await client.delete(key)
    else if (kind === 4 && state !== undefined) outcome = await client.delete(key, state.version)
    else if (kind === 5) outcome = await client.update(key, true)
    // What may still take effect later makes a history hard to explain, if there is much of it.
    if (outcome.type === 'unknown') this.#mixed.turn()
  }

  /** Creates, changes, deletes and recreates a key that nobody else writes. */
  #live(client: Client): void {
    let lived = 0
    let key = ''
    let life: { readonly committed: (string | undefined)[]; open: boolean } | undefined
    let version = -1
    this.#loop(async random => {
      if (life === undefined) {
        key = `life-${client.name}-${lived++}`
        life = { committed: [undefined], open: false }
        version = -1
        this.lives.set(key, life)
        for (const watcher of this.watchers) watcher.watch(key)
      }
      const { committed } = life
      if (version >= 0 && random.chance(0.4)) {
        const outcome = await client.delete(key, version)
        if (outcome.type === 'done') committed.push(undefined)
        this.#lived(key, outcome.type)
        if (outcome.type === 'done') version = -1
        if (outcome.type === 'unknown') committed.push(undefined)
        life.open = outcome.type === 'unknown'
      } else {
        const value = client.value(committed.at(-1))
        const outcome = await client.put(key, value, version < 0 ? 'absent' : version)
        this.#lived(key, outcome.type)
        if (outcome.type === 'done') version = outcome.result
        if (outcome.type === 'done' || outcome.type === 'unknown') committed.push(value.id)
        life.open = outcome.type === 'unknown'
      }
      if (life.open || committed.length > OPERATIONS_A_KEY) life = undefined
    })
  }

  #lived(key: string, outcome: string): void {
    if (outcome === 'conflict') this.surprises.push(`a conflict on ${key}, which nobody else writes`)
  }
}

export function isConnected(store: AnyStore): boolean {
  let connected = false
  store.status$
    .subscribe(({ state }) => {
      connected = state === 'connected'
    })
    .unsubscribe()
  return connected
}
