import type { Subscription } from 'rxjs'
import { nextVersion } from '../conditions.ts'
import type { Engine, Stored, Write, Written } from '../engine.ts'
import { KVError } from '../errors.ts'
import type { Timing } from '../timing.ts'
import type { Batcher } from './batcher.ts'
import type { Entry } from './kv-store.ts'
import { inSameBatch } from './pacing.ts'
import { ReadRequest, Request, WriteRequest } from './requests.ts'
import { sizeOf } from './write-batcher.ts'

/** What updates need of their store. */
export interface UpdateContext<V> {
  readonly engine: Engine
  readonly batcher: Batcher
  readonly timing: Timing
  decode(key: string, bytes: Uint8Array): V
  /** Encodes and checks; throws a KVError. */
  putOf(key: string, value: V, ifVersion: number | 'absent'): Write
}

/** How often the updates that wait are looked through for what is late, in milliseconds. */
const SWEEP_INTERVAL = 20

/** One `update$`. */
export class Update<V> extends Request {
  readonly key: string
  readonly next: (current: V | undefined) => V | undefined
  readonly done: (result: Entry<V> | undefined | KVError) => void

  constructor(
    key: string,
    now: number,
    timeout: number,
    next: (current: V | undefined) => V | undefined,
    done: (result: Entry<V> | undefined | KVError) => void,
  ) {
    super(now, timeout)
    this.key = key
    this.next = next
    this.done = done
  }
}

/** The parts of an update have its deadline, and its timeout too: those of other updates travel with it. */
const begunAt = (update: Request): number => update.deadline - update.timeout

class RoundRead extends ReadRequest {
  readonly keys: readonly string[]
  readonly settled: (result: Stored | undefined | KVError) => void

  constructor(key: string, update: Request, settled: (result: Stored | undefined | KVError) => void) {
    super(begunAt(update), update.timeout)
    this.keys = [key]
    this.settled = settled
  }

  settle(_index: number, result: Stored | undefined | KVError): void {
    this.settled(result)
  }
}

class RoundWrite extends WriteRequest {
  /** One write needs no transaction, and so travels with those of other keys. */
  readonly atomic: boolean
  readonly writes: readonly Write[]
  readonly #results: Written[] = []
  readonly #settled: (results: Written[] | KVError) => void
  #failed = false

  constructor(writes: Write[], update: Request, settled: (results: Written[] | KVError) => void) {
    super(begunAt(update), update.timeout)
    this.writes = writes
    this.atomic = writes.length > 1
    this.#settled = settled
  }

  settle(index: number, result: Written | KVError): void {
    if (this.#failed) return
    if (result instanceof KVError) {
      this.#failed = true
      this.#settled(result)
      return
    }
    this.#results[index] = result
    if (index === this.writes.length - 1) this.#settled(this.#results)
  }
}

/**
 * Atomic read-modify-writes. Those of one key that are asked for together are computed on one read and written, each
 * with its own version, in one conditional transaction, so that a hot key costs two round trips for many updates and
 * its updates never conflict with each other.
 */
export class Updates<V> {
  readonly #context: UpdateContext<V>
  /** The updates that wait, by key; a key is here while a round of it is under way. */
  readonly #waiting = new Map<string, Update<V>[]>()
  #sweep: Subscription | undefined

  constructor(context: UpdateContext<V>) {
    this.#context = context
  }

  add(update: Update<V>): void {
    const waiting = this.#waiting.get(update.key)
    if (waiting !== undefined) {
      waiting.push(update)
      this.#sweepLater()
      return
    }
    const fresh = [update]
    this.#waiting.set(update.key, fresh)
    this.#round(update.key, fresh)
  }

  /** Looks again and again for updates that wait for the round under way and are late. */
  #sweepLater(): void {
    this.#sweep ??= this.#context.timing.after(SWEEP_INTERVAL, () => {
      this.#sweep = undefined
      let left = 0
      for (const [key, waiting] of this.#waiting) {
        this.#expire(key, waiting)
        left += waiting.length
      }
      if (left > 0) this.#sweepLater()
    })
  }

  /** Ends the waiting updates whose time is over, and lets go of those that were withdrawn. */
  #expire(key: string, waiting: Update<V>[], reason?: KVError): void {
    const now = this.#context.timing.now()
    const late: Update<V>[] = []
    for (const update of waiting.splice(0)) {
      if (update.withdrawn) continue
      if (update.deadline > now) waiting.push(update)
      else late.push(update)
    }
    for (const update of late) {
      update.done(reason ?? new KVError('TIMEOUT', `not written within ${update.timeout} ms`, { key }))
    }
  }

  #round(key: string, waiting: Update<V>[], reason?: KVError): void {
    const { batcher } = this.#context
    this.#expire(key, waiting, reason)
    const first = waiting[0]
    if (first === undefined) {
      this.#waiting.delete(key)
      return
    }
    batcher.read(
      new RoundRead(key, first, result => {
        // The time is that of the first: whoever has more of it goes on.
        if (result instanceof KVError && result.code === 'TIMEOUT') this.#round(key, waiting, result)
        else if (result instanceof KVError) this.#finish(key, waiting, waiting.splice(0), result)
        else this.#write(key, waiting, result)
      }),
    )
  }

  /** Computes and writes the updates that wait, on what was read. */
  #write(key: string, waiting: Update<V>[], stored: Stored | undefined): void {
    const writes: Write[] = []
    const taken: Update<V>[] = []
    const entries: (Entry<V> | undefined)[] = []
    let version: number | 'absent' = stored === undefined ? 'absent' : stored.version
    let current: V | undefined
    try {
      current = stored && this.#context.decode(key, stored.value)
    } catch (error) {
      this.#finish(key, waiting, waiting.splice(0), error as KVError)
      return
    }
    const { engine } = this.#context
    const { writeBatch, batchBytes } = engine.limits
    let bytes = 0
    let seen = 0
    for (; seen < waiting.length && taken.length < writeBatch; seen++) {
      const update = waiting[seen]!
      if (update.withdrawn) continue
      if (taken.length > 0 && !inSameBatch(taken[0]!, update)) break
      try {
        const value = this.#compute(update, current)
        if (value !== undefined) {
          const write = this.#context.putOf(key, value, version)
          if (bytes > 0 && bytes + sizeOf(write, engine) > batchBytes) break
          writes.push(write)
          version = version === 'absent' ? 0 : nextVersion(version)
        } else if (version !== 'absent') {
          writes.push({ type: 'delete', key, ifVersion: version })
          version = 'absent'
        } else writes.push({ type: 'check', key, ifVersion: 'absent' })
        bytes += sizeOf(writes.at(-1)!, engine)
        current = value
        taken.push(update)
        entries.push(value === undefined ? undefined : { key, value, version: version as number })
      } catch (error) {
        update.done(error as KVError)
      }
    }
    waiting.splice(0, seen)
    const last = taken.at(-1)
    if (last === undefined) {
      this.#round(key, waiting)
      return
    }
    this.#context.batcher.write(
      new RoundWrite(writes, last, results => {
        if (!(results instanceof KVError)) {
          for (let i = 0; i < taken.length; i++) if (!taken[i]!.withdrawn) taken[i]!.done(entries[i])
          this.#round(key, waiting)
        } else if (results.code === 'VERSION_CONFLICT') {
          waiting.unshift(...taken)
          this.#round(key, waiting)
        } else this.#finish(key, waiting, taken, results)
      }),
    )
  }

  #compute(update: Update<V>, current: V | undefined): V | undefined {
    try {
      return update.next(current)
    } catch (error) {
      throw KVError.from(error, 'CALLBACK', 'the update function threw', update.key)
    }
  }

  #finish(key: string, waiting: Update<V>[], updates: Update<V>[], error: KVError): void {
    for (const update of updates) if (!update.withdrawn) update.done(error)
    this.#round(key, waiting)
  }
}
