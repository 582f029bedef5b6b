import { config } from 'rxjs'
import type { KVStore } from '../../../src/store/kv-store.ts'
import { Code } from '../../../src/testing/simulation/protocol.ts'
import { Refused } from '../../../src/testing/simulation/tree.ts'
import { World } from '../../../src/testing/simulation/world.ts'
import { INVARIANTS } from '../invariants/index.ts'
import type { Invariant, Problem } from '../invariants/invariant.ts'
import { Truth } from '../truth.ts'
import { ask, THROWN } from './caller.ts'
import { codec } from './codec.ts'
import { inflict } from './faults.ts'
import { COUNTERS, ORDINARY, QUOTA, QUOTA_BYTES } from './keys.ts'
import { learn } from './learn.ts'
import type { ObservedStore, Operation, Pipeline, Run, Stream } from './observed.ts'
import { runPipeline } from './pipelines.ts'
import type { Plan, Step, Value } from './plan.ts'
import { Stranger } from './stranger.ts'
import { follow } from './streams.ts'

/** A promise that was broken. */
export interface Violation {
  readonly invariant: string
  /** In milliseconds from the beginning. */
  readonly at: number
  readonly problem: string
}

/** How long after the last fault things are taken to be well, and how long rest is waited for. */
const CALM_AFTER = 5000
const REST = 45_000
const PROBES = 15_000
const CLOSING = 10_000

/** A plan that is carried out, with all that is seen of it. */
export class Running implements Run {
  readonly plan: Plan
  readonly world: World
  readonly truth: Truth
  readonly stores: ObservedStore[] = []
  readonly operations: Operation[] = []
  readonly streams: Stream[] = []
  readonly pipelines: Pipeline[] = []
  readonly thrown: unknown[] = []
  faultyUntil = 0
  violation: Violation | undefined
  readonly #stranger: Stranger
  readonly #byIndex: (ObservedStore | undefined)[] = []

  constructor(plan: Plan) {
    this.plan = plan
    this.world = new World(plan.seed, plan, error => this.failed(error))
    this.truth = new Truth(this.world.ensemble.history)
    this.#stranger = new Stranger(this.world, this.truth)
    this.world.ensemble.quota = op => {
      if ('data' in op && op.path.endsWith(`/${QUOTA}`) && (op.data?.length ?? 0) > QUOTA_BYTES) {
        throw new Refused(Code.quotaExceeded)
      }
    }
  }

  get now(): number {
    return this.world.clock.now
  }

  /** Whether nothing is wrong, nor was shortly before. */
  calm(store: ObservedStore): boolean {
    return this.now > this.faultyUntil + CALM_AFTER && this.now > store.plan.openAt + CALM_AFTER
  }

  /** Something was thrown where nobody catches it. */
  failed(error: unknown): void {
    if (!(error instanceof Error) || error.message !== THROWN) this.thrown.push(error)
  }

  async carryOut(): Promise<void> {
    const { world, plan } = this
    const driver = world.party('driver')
    for (const [i, { openAt }] of plan.stores.entries()) {
      if (openAt < Number.POSITIVE_INFINITY) driver.after(openAt, () => this.#open(i))
    }
    for (const step of plan.steps) driver.after(step.at, () => this.#take(step))
    await this.#until(plan.lasts)
    this.#heal()
    await this.#until(this.now + REST)
    if (this.violation === undefined) this.#probe()
    await this.#until(this.now + PROBES)
    this.#look(each => each.atRest?.(this))
    for (const store of this.#alive()) this.close(store)
    await this.#until(this.now + CLOSING)
    // What RxJS reports, it reports after a timer of the process.
    await new Promise<void>(resolve => setTimeout(resolve))
    this.#look(each => each.atEnd?.(this))
  }

  settled(operation: Operation): void {
    learn(operation, this)
    this.#look(each => each.settled?.(operation, this, this.now))
  }

  emitted(stream: Stream, key: string, value: unknown): void {
    this.#look(each => each.emitted?.(stream, key, value, this, this.now))
  }

  synced(stream: Stream): void {
    this.#look(each => each.synced?.(stream, this))
    stream.synced++
    stream.syncedFloor = stream.store.floor
  }

  streamEnded(stream: Stream): void {
    this.#look(each => each.streamEnded?.(stream, this))
  }

  output(pipeline: Pipeline): void {
    this.#look(each => each.output?.(pipeline, this))
  }

  pipelineEnded(pipeline: Pipeline): void {
    this.#look(each => each.pipelineEnded?.(pipeline, this))
  }

  close(store: ObservedStore): void {
    store.closeAskedAt ??= this.now
    store.closing++
    void store.store.close().then(() => {
      // Closed once everybody who closed it was told.
      if (--store.closing > 0 || store.closedAt !== undefined || store.killed) return
      store.closedAt = this.now
      this.#look(each => each.closed?.(store, this, this.now))
    })
  }

  #look(ask: (invariant: Invariant) => Problem): void {
    for (const invariant of INVARIANTS) {
      const problem = ask(invariant)
      if (problem !== undefined) this.violation ??= { invariant: invariant.name, at: this.now, problem }
    }
  }

  async #until(time: number): Promise<void> {
    if (this.violation === undefined) await this.world.clock.run(() => this.violation !== undefined, time)
  }

  *#alive(): Iterable<ObservedStore> {
    for (const store of this.stores) if (!store.killed && store.closeAskedAt === undefined) yield store
  }

  #open(index: number): void {
    const plan = this.plan.stores[index]!
    const party = this.world.party(`store ${index}`)
    const { root, buckets, timeout, cache, consistency, sessionTimeout, maxPacketBytes } = plan
    const open = (most: number): KVStore<Value> =>
      this.world.store(party, {
        root,
        buckets,
        timeout,
        cache: most,
        consistency,
        sessionTimeout,
        maxPacketBytes,
        value: codec,
      })
    let store: KVStore<Value>
    try {
      store = open(cache)
    } catch {
      // Not offered together with linearizable reads.
      store = open(0)
    }
    const observed: ObservedStore = {
      index,
      plan,
      party,
      store,
      floor: 0,
      seen: new Map(),
      subscriptions: new Set(),
      closeAskedAt: undefined,
      closing: 0,
      closedAt: undefined,
      killed: false,
    }
    this.#byIndex[index] = observed
    this.stores.push(observed)
  }

  #take(step: Step): void {
    if (step.do === 'fault') {
      this.faultyUntil = Math.max(this.faultyUntil, this.now + step.lasts)
      inflict(this.world, step.fault, step.lasts, index => this.#byIndex[index]?.party)
    } else if (step.do === 'stranger') void this.#stranger.act(step)
    else if (step.do === 'kill process') {
      for (const store of this.stores) if (store.plan.process === step.process) this.#kill(store)
    } else {
      const store = this.#byIndex[step.store]
      // In its process, which may be paused.
      store?.party.after(0, () => this.#use(store, step))
    }
  }

  #use(store: ObservedStore, step: Step): void {
    switch (step.do) {
      case 'call':
        ask(this, store, step.id, step)
        break
      case 'watch':
      case 'changes':
        follow(this, store, step)
        break
      case 'pipeline':
        runPipeline(this, store, step)
        break
      case 'close':
        this.close(store)
        if (step.again) this.close(store)
        break
      default:
    }
  }

  #kill(store: ObservedStore): void {
    if (store.killed) return
    store.killed = true
    this.world.kill(store.party)
  }

  #heal(): void {
    const { network, ensemble } = this.world
    network.heal()
    ensemble.throttling = 0
    ensemble.refusedWatches = 0
    for (const server of ensemble.servers) {
      ensemble.restart(server)
      server.lagsUntil = 0
    }
    // Who is paused stays so.
    this.faultyUntil = Math.max(this.now, ...this.stores.map(({ party }) => party.pausedUntil))
  }

  /** Asks every store for something of every key: it must be there. */
  #probe(): void {
    for (const store of this.#alive()) {
      let probes = 0
      for (const key of [...ORDINARY, ...COUNTERS]) {
        for (const type of ['get', 'update', 'put'] as const) {
          if (type === 'put' && (COUNTERS as readonly string[]).includes(key)) continue
          ask(this, store, `probe${store.index}.${probes++}`, { call: { type, key }, timeout: 10_000 })
        }
      }
    }
  }
}

/** Carries out a plan; what is thrown in the process meanwhile is a violation. */
export async function carryOut(plan: Plan): Promise<Running> {
  const run = new Running(plan)
  const failed = (error: unknown): void => run.failed(error)
  const { onUnhandledError } = config
  config.onUnhandledError = failed
  process.on('uncaughtException', failed)
  process.on('unhandledRejection', failed)
  try {
    await run.carryOut()
  } finally {
    config.onUnhandledError = onUnhandledError
    process.off('uncaughtException', failed)
    process.off('unhandledRejection', failed)
  }
  return run
}
