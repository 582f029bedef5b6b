import type { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'

/** A record as an input delivers it. */
export interface Delivered<T, P> {
  readonly record: T
  /** How far the partition is read once this record is processed: reading after it begins with the next record. */
  readonly position: P
}

/** How much of a partition comes after a position. */
export interface Lag {
  readonly amount: number
  /** What the amount is counted in; a broker that cannot count records between two positions tells bytes or time. */
  readonly unit: 'records' | 'bytes' | 'milliseconds'
}

/** A record that could not be decoded, and why. */
export interface Undecodable<P> {
  readonly partition: string
  readonly position: P
  /** The record as the broker or the file has it. */
  readonly content: Uint8Array
  /** Has the code `CODEC`, or `VALUE_TOO_LARGE` where the record exceeds a limit of the input. */
  readonly error: KVError
}

/** What all inputs take. */
export interface InputOptions<P> {
  /**
   * Takes records that cannot be decoded, so that reading goes on behind them; what it returns is awaited. A record may
   * be given again after a restart.
   * @defaultValue none: reading fails with `CODEC`, and the error's `partition` and `position` tell of which record
   */
  readonly undecodable?: ((letter: Undecodable<P>) => unknown) | undefined
}

/**
 * An input in parts, each of which is read in order: a Kafka topic by its partitions, a Redis stream by its key, a
 * folder of files by byte ranges. An adapter for another broker implements this and passes `partitionedInputContract`
 * of `rxkeeper/testing`.
 *
 * A position (`P`) is the adapter's own and opaque to everybody else. It must survive JSON, since it is kept in the
 * state.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import type { PartitionedInput } from 'rxkeeper'
 * import { memoryInput } from 'rxkeeper/testing'
 *
 * const input: PartitionedInput<string, number> = memoryInput({ letters: ['a', 'b', 'c'] })
 * console.log(await firstValueFrom(input.partitions$)) // ['letters']
 * for await (const { record, position } of input.read('letters', 1)) console.log(record, position) // b 2, c 3
 * ```
 */
export interface PartitionedInput<T, P> {
  /**
   * The names of all partitions, now and at each change, without an order. A name means the same records in every
   * process and run. Completes after a list that cannot change any more.
   */
  readonly partitions$: Observable<readonly string[]>
  /**
   * The records of a partition strictly after a position, or from the earliest that there is.
   *
   * They are pulled: beyond what is taken, a bounded number is fetched. Each iterator begins anew after `after`. It is
   * done at the end of a partition that is bounded; else it waits for what is added. It reconnects by itself, without
   * losing or repeating a record, and rejects with a `KVError` where that did not succeed in the adapter's time
   * (`UNAVAILABLE`: reading again after the last position may succeed), where records after the position are gone
   * (`POSITION_LOST`), where one cannot be decoded (`CODEC`), or when the input is closed (`CLOSED`).
   *
   * The iterator's `return` releases all it holds, also while a `next` is pending, which is then done.
   */
  read(partition: string, after: P | undefined): AsyncIterable<Delivered<T, P>>
  /**
   * Tells the broker how far a partition was processed, so that its own tools show it; the state alone decides where
   * reading goes on. May be called late, again, and out of order: what the broker knows never goes back by it.
   */
  committed?(partition: string, position: P): void | Promise<void>
  /** How much comes after a position now; `undefined` where that cannot be told. */
  lag?(partition: string, after: P | undefined): Promise<Lag | undefined>
  /** Ends reading and releases connections. Idempotent; whoever made the input calls it. */
  close?(): Promise<void>
}

/**
 * What a record is known by, in whatever is made of it: `partition@position`. A sink that has seen it before can drop a
 * repeat.
 *
 * @example
 * ```ts
 * import { identityOf } from 'rxkeeper'
 *
 * console.log(identityOf('flights.ndjson#0-67108864', 4711)) // flights.ndjson#0-67108864@4711
 * ```
 */
export const identityOf = (partition: string, position: unknown): string =>
  `${partition}@${typeof position === 'string' ? position : JSON.stringify(position)}`
