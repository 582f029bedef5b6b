import { firstValueFrom, Observable } from 'rxjs'
import { KVError } from '../../src/base/errors.ts'
import type { Timing } from '../../src/base/timing.ts'
import { nextVersion } from '../../src/contract/conditions.ts'
import type { Engine, Write } from '../../src/contract/engine.ts'
import type { OwnedPartition } from '../../src/contract/owned-partition.ts'
import { processKV } from '../../src/operators/processKV.ts'
import { ask } from '../../src/store/engine-call.ts'
import type { KVStore } from '../../src/store/kv-store.ts'
import { observedOf } from '../../src/store/observed-engine.ts'

/** How many commits it sends before the first is answered. */
const DEPTH = 4
/** How many records come at once. */
const BURST = 5

/** What a consumer works on. */
export interface Work {
  readonly store: KVStore<number[]>
  readonly timing: Timing
  /** How many records each partition has. */
  readonly records: number
  /** How long a record takes, in milliseconds. */
  readonly pace: number
  /** Hears of what may not be. */
  readonly failed: (error: unknown) => void
}

/**
 * Processes the records 0, 1, 2, … of a partition by adding each to a list, one commit a record, several under way. The
 * list is written unconditionally: the fence alone stands between a consumer that is late and the next one.
 */
export class Consumer {
  readonly #work: Work
  readonly #engine: Engine
  readonly #owned: OwnedPartition<number>
  readonly #key: string
  /** What the list is when all commits under way are carried out, and when those that are known to be are. */
  #list: number[] = []
  #durable: number[] = []
  #version: number
  /** The commits since all were settled, in order; `undefined` while under way. */
  #chain: ('done' | KVError | undefined)[] = []
  /** Why it can go on no more. */
  #fenced: KVError | undefined
  #stopped = false

  constructor(work: Work, owned: OwnedPartition<number>) {
    this.#work = work
    this.#engine = observedOf(work.store).engine
    this.#owned = owned
    this.#key = keyOf(owned.partition)
    this.#version = owned.fences[0].version
    owned.lost$.subscribe(() => {
      this.#stopped = true
    })
    owned.release$.subscribe(() => {
      this.#stopped = true
      if (this.#isSettled) owned.done()
    })
    const read = this.#engine.read([this.#key], this.#due)
    ask(read, answer => {
      if (answer instanceof KVError) return this.#give(answer)
      const [stored] = answer
      if (stored instanceof KVError) return this.#give(stored)
      this.#list = stored === undefined ? [] : listOf(stored.value)
      this.#durable = this.#list
      const { position = 0 } = owned
      // Whoever was before cannot have written since the claim: what is there is what belongs to the position.
      if (!this.#stopped && this.#list.length !== position) {
        work.failed(new Error(`${owned.partition} at ${position} has the list ${this.#list}`))
      }
      this.#next()
    })
  }

  get #due() {
    return { deadline: this.#work.timing.now() + 30_000 }
  }

  #give(error: KVError): void {
    this.#stopped = true
    this.#owned.fences[0].fenced(error)
  }

  get #isSettled(): boolean {
    return !this.#chain.includes(undefined)
  }

  #next(): void {
    if (this.#stopped) return
    const underWay = this.#chain.filter(commit => commit === undefined).length
    const hasFailed = this.#chain.some(commit => commit instanceof KVError)
    if (this.#list.length < this.#work.records && underWay < DEPTH && !hasFailed) this.#commit()
    this.#work.timing.after(this.#work.pace, () => this.#next())
  }

  #commit(): void {
    const {
      fences: [fence],
    } = this.#owned
    const record = this.#list.length
    const list = [...this.#list, record]
    this.#list = list
    const state = { position: record + 1, records: record + 1 }
    const version = this.#version
    this.#version = nextVersion(version)
    const value = Buffer.from(JSON.stringify(list))
    const writes: Write[] = [fence.write(state, version), { type: 'put', key: this.#key, value }]
    const index = this.#chain.push(undefined) - 1
    ask(this.#engine.commit(writes, this.#due), answer => {
      this.#chain[index] = answer instanceof KVError ? answer : 'done'
      const isFirst = this.#chain.slice(0, index).every(commit => commit === 'done')
      if (answer instanceof KVError && (isFirst || answer.code !== 'VERSION_CONFLICT'))
        this.#fenced ??= answer
      if (!(answer instanceof KVError)) {
        // After a lost connection a later one may have been refused because it came first; none may be carried out so.
        if (this.#chain.slice(0, index).some(commit => commit instanceof KVError)) {
          this.#work.failed(new Error(`${this.#owned.partition}: record ${record} after one that failed`))
        }
        fence.committed(answer[0]!.version, state)
        this.#durable = list
      }
      if (this.#isSettled) this.#settled()
    })
  }

  /** Nothing is under way: goes on after what was carried out, unless the first that was not says that another owns it. */
  #settled(): void {
    const {
      fences: [fence],
    } = this.#owned
    this.#chain = []
    if (this.#fenced !== undefined) fence.fenced(this.#fenced)
    else if (this.#stopped) this.#owned.done()
    else {
      this.#list = this.#durable
      this.#version = fence.version
    }
  }
}

/** Processes a partition by commits of our own. */
export const byConsumer = (work: Work, owned: OwnedPartition<number>): Observable<never> =>
  new Observable(subscriber => {
    new Consumer(work, owned)
    // Ends with what it was given.
    owned.lost$.subscribe({ complete: () => subscriber.complete() })
  })

/** Processes a partition by `processKV`, its records on one key or on several in turn; looks that each is computed on those before. */
export const byOperator = (work: Work, owned: OwnedPartition<number>, keys = 1): Observable<unknown> => {
  const { store, timing, records, pace, failed } = work
  const { partition, position = 0 } = owned
  const record$ = new Observable<number>(subscriber => {
    // In bursts, so that several commits are on their way.
    const burst = (from: number): void => {
      const end = Math.min(from + BURST, records)
      for (let record = from; record < end; record++) subscriber.next(record)
      if (end < records) subscriber.add(timing.after(BURST * pace, () => burst(end)))
    }
    burst(position)
  })
  return owned.run$(
    record$,
    processKV(
      store,
      record => keyOf(partition, record % keys),
      (record, list: number[] = []) => {
        // Also where it is computed in vain: what is computed on is what belongs to the position.
        if (list.length !== Math.floor(record / keys))
          failed(new Error(`${partition}: ${record} after ${list}`))
        return [...list, record]
      },
      { partition: owned, positionOf: record => record + 1, commitSize: 1 },
    ),
  )
}

export const keyOf = (partition: string, part = 0): string =>
  part === 0 ? `list of ${partition}` : `list of ${partition}, ${part}`

export const listOf = (value: Uint8Array): number[] => JSON.parse(Buffer.from(value).toString())

/** The list of each partition. */
export async function listsOf(
  engine: Engine,
  partitions: readonly string[],
  timing: Timing,
): Promise<number[][]> {
  const answers = await firstValueFrom(
    engine.read(
      partitions.map(partition => keyOf(partition)),
      { deadline: timing.now() + 30_000 },
    ),
  )
  return answers.map(stored =>
    stored === undefined || stored instanceof KVError ? [] : listOf(stored.value),
  )
}
