import type { Stored, Write, Written } from '../engine.ts'
import type { KVError } from '../errors.ts'
import { quoteKey } from '../keys.ts'

const nameOf = (keys: readonly string[]): string =>
  keys.length === 1 ? quoteKey(keys[0]) : `of ${keys.length} keys`

/** What is asked of the batcher at once. Withdrawn by unsubscribing; what was sent already is then settled to nobody. */
export abstract class Request {
  #withdrawn = false
  /** In milliseconds of the store's clock. */
  readonly deadline: number
  /** Requests are batched with others of the same timeout only, so that one that is in no hurry delays none that is. */
  readonly timeout: number

  constructor(now: number, timeout: number) {
    this.deadline = now + timeout
    this.timeout = timeout
  }

  get withdrawn(): boolean {
    return this.#withdrawn
  }

  unsubscribe(): void {
    this.#withdrawn = true
  }
}

/** Keys to read. `settle` is called once for each, in any order, synchronously or later. */
export abstract class ReadRequest extends Request {
  abstract readonly keys: readonly string[]

  /** For messages. */
  get what(): string {
    return `read ${nameOf(this.keys)}`
  }

  abstract settle(index: number, result: Stored | undefined | KVError): void
}

/** Writes to carry out. `settle` is called once for each, in any order, synchronously or later. */
export abstract class WriteRequest extends Request {
  abstract readonly writes: readonly Write[]
  /** All or none, in order. */
  abstract readonly atomic: boolean

  /** For messages. */
  get what(): string {
    const { writes, atomic } = this
    const name = nameOf(writes.map(({ key }) => key))
    return atomic && writes.length > 1 ? `commit ${name}` : `${writes[0]?.type} ${name}`
  }

  abstract settle(index: number, result: Written | KVError): void
}

/** Hears of every answer before the one who asked does; how the cache and the watches learn what passes by. */
export interface Observer {
  /** Whether anybody listens. */
  readonly active: boolean
  read(keys: readonly string[], results: readonly (Stored | undefined | KVError)[]): void
  written(writes: readonly Write[], results: readonly (Written | KVError)[]): void
}
