import type { Engine, Stored } from '../engine.ts'
import { KVError } from '../errors.ts'
import { ask, inSameBatch, type Pacing } from './pacing.ts'
import { Queue } from './queue.ts'
import type { ReadRequest } from './requests.ts'

/** Some keys of a request: `[from, to)`. */
interface Part {
  readonly request: ReadRequest
  from: number
  readonly to: number
}

/** A unit of UTF-16 takes at most so many bytes in UTF-8. */
const MOST_BYTES = 3

/** One read of the engine and who is to hear which of its results. */
class ReadBatch {
  readonly keys: string[] = []
  readonly #slots = new Map<string, number>()
  readonly #requests: ReadRequest[] = []
  readonly #indices: number[] = []
  readonly #targets: number[] = []
  #bytes = 0
  deadline = 0

  /** Takes keys of `part` while different ones are within the limits; identical keys are read once. */
  take(part: Part, limit: number, limitBytes: number): void {
    const { request } = part
    this.deadline = Math.max(this.deadline, request.deadline)
    for (; part.from < part.to; part.from++) {
      const key = request.keys[part.from]!
      let slot = this.#slots.get(key)
      if (slot === undefined) {
        if (this.keys.length >= limit) return
        this.#bytes += MOST_BYTES * key.length
        if (this.#bytes > limitBytes && this.keys.length > 0) return
        slot = this.keys.push(key) - 1
        this.#slots.set(key, slot)
      }
      this.#requests.push(request)
      this.#indices.push(part.from)
      this.#targets.push(slot)
    }
  }

  settle(results: readonly (Stored | undefined | KVError)[] | KVError): void {
    for (let i = 0; i < this.#requests.length; i++) {
      const request = this.#requests[i]!
      if (request.withdrawn) continue
      request.settle(this.#indices[i]!, results instanceof KVError ? results : results[this.#targets[i]!])
    }
  }
}

/** Gathers reads into batches: one turn's, and what comes while earlier batches are in flight. */
export class ReadBatcher {
  readonly #engine: Engine
  readonly #pacing: Pacing
  readonly #queue = new Queue<Part>()
  #waiting = 0
  #inFlight = 0

  constructor(engine: Engine, pacing: Pacing) {
    this.#engine = engine
    this.#pacing = pacing
  }

  /** How many keys wait to be asked for. */
  get waiting(): number {
    return this.#waiting
  }

  get idle(): boolean {
    return this.#inFlight === 0 && this.#queue.length === 0
  }

  add(request: ReadRequest, from: number, to: number): void {
    this.#queue.push({ request, from, to })
    this.#waiting += to - from
  }

  /** Sends batches while the engine takes more. */
  flush(): void {
    while (this.#inFlight < this.#engine.limits.inFlight) {
      const batch = this.#assemble()
      if (batch === undefined) return
      this.#send(batch)
    }
  }

  /** Settles what is waiting for longer than it may, or all of it. */
  expire(error: (request: ReadRequest) => KVError | undefined): void {
    this.#queue.retain(part => {
      const { request, from, to } = part
      const reason = request.withdrawn ? undefined : error(request)
      if (reason === undefined && !request.withdrawn) return true
      this.#waiting -= to - from
      if (reason !== undefined) for (let i = from; i < to; i++) request.settle(i, reason)
      return false
    })
  }

  #assemble(): ReadBatch | undefined {
    const { readBatch, readBytes } = this.#engine.limits
    let batch: ReadBatch | undefined
    let first: ReadRequest | undefined
    for (let part = this.#queue.peek(); part !== undefined; part = this.#queue.peek()) {
      const { request } = part
      if (!request.withdrawn) {
        if (first !== undefined && !inSameBatch(first, request)) break
        first ??= request
        batch ??= new ReadBatch()
        const { from } = part
        batch.take(part, readBatch, readBytes)
        this.#waiting -= part.from - from
        if (part.from < part.to) break
      }
      this.#waiting -= part.to - part.from
      this.#queue.shift()
    }
    return batch
  }

  #send(batch: ReadBatch): void {
    this.#inFlight++
    const { observer } = this.#pacing
    ask(this.#engine.read(batch.keys, { deadline: batch.deadline }), results => {
      this.#inFlight--
      if (observer.active && !(results instanceof KVError)) observer.read(batch.keys, results)
      batch.settle(results)
      this.#pacing.wake()
    })
  }
}
