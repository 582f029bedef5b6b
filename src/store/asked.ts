import { KVError } from '../base/errors.ts'
import type { Stored, Write, Written } from '../contract/engine.ts'
import type { Encoding } from './encoding.ts'
import { Read, SingleWrite, Transaction } from './operations.ts'

/*
 * What methods and operators ask of a store, in values where the batcher has bytes. Whoever asks for a key extends the
 * class: one object is the question, waits in line, and takes the answer.
 */

/** Reads the value of a key. */
export abstract class ValueRead<V> extends Read {
  /** What the value is decoded by, once it is asked for. */
  encoding: Encoding<V> | undefined = undefined

  /**
   * `version` is -1 where there is nothing; a value that has expired is none, and has one. `bytes` are what the value was
   * decoded from, where that is known.
   */
  abstract found(value: V | undefined, version: number, bytes?: Uint8Array): void
  abstract failed(error: KVError): void

  protected answered(result: Stored | undefined | KVError): void {
    if (result === undefined) this.found(undefined, -1)
    else if (result instanceof KVError) this.failed(result)
    else if (this.encoding!.isExpired(result.value)) this.found(undefined, result.version)
    else {
      let value: V
      try {
        value = this.encoding!.decode(this.key, result.value)
      } catch (error) {
        this.failed(error as KVError)
        return
      }
      this.found(value, result.version, result.value)
    }
  }
}

/** Writes a key. */
export abstract class ValueWrite extends SingleWrite {
  abstract written(written: Written): void
  abstract failed(error: KVError): void

  protected answered(result: Written | KVError): void {
    if (result instanceof KVError) this.failed(result)
    else this.written(result)
  }
}

/** A {@link ValueRead} by functions. */
export class ReadBy<V> extends ValueRead<V> {
  readonly #isOver: () => boolean
  readonly found: (value: V | undefined, version: number, bytes?: Uint8Array) => void
  readonly failed: (error: KVError) => void

  constructor(key: string, isOver: () => boolean, found: ReadBy<V>['found'], failed: ReadBy<V>['failed']) {
    super(key)
    this.#isOver = isOver
    this.found = found
    this.failed = failed
  }

  override get withdrawn(): boolean {
    return this.#isOver()
  }
}

/** A {@link ValueWrite} by functions. */
export class WriteBy extends ValueWrite {
  readonly #isOver: () => boolean
  readonly written: (written: Written) => void
  readonly failed: (error: KVError) => void

  constructor(isOver: () => boolean, written: WriteBy['written'], failed: WriteBy['failed']) {
    super()
    this.#isOver = isOver
    this.written = written
    this.failed = failed
  }

  override get withdrawn(): boolean {
    return this.#isOver()
  }
}

/** Who commits a transaction, whose writes are known only once they are encoded. */
export interface Committer {
  /** Whether the result is of no interest any more: what has not been sent is then not sent. */
  readonly withdrawn: boolean
  committed(written: readonly Written[]): void
  failed(error: KVError): void
}

/**
 * A {@link Committer} by functions. A class, since an object literal with a getter has a hidden class of its own, which
 * keeps what the getter sees until the next full garbage collection.
 */
export class CommitBy implements Committer {
  readonly #isOver: () => boolean
  readonly committed: Committer['committed']
  readonly failed: Committer['failed']

  constructor(isOver: () => boolean, committed: Committer['committed'], failed: Committer['failed']) {
    this.#isOver = isOver
    this.committed = committed
    this.failed = failed
  }

  get withdrawn(): boolean {
    return this.#isOver()
  }
}

/** A transaction of a {@link Committer}. */
export class CommitOperation extends Transaction {
  readonly #committer: Committer

  constructor(writes: readonly Write[], bytes: number, chain: object | undefined, committer: Committer) {
    super(writes, bytes, chain)
    this.#committer = committer
  }

  override get withdrawn(): boolean {
    return this.#committer.withdrawn
  }

  protected answered(result: readonly Written[] | KVError): void {
    if (result instanceof KVError) this.#committer.failed(result)
    else this.#committer.committed(result)
  }
}

/** Reads a node beside the keys. */
export class NodeRead extends Read {
  readonly #then: (stored: Stored | undefined | KVError) => void

  constructor(node: string, then: (stored: Stored | undefined | KVError) => void) {
    super(node)
    this.#then = then
  }

  protected answered(result: Stored | undefined | KVError): void {
    this.#then(result)
  }
}
