import type { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'

/** A record as an input delivers it. */
export interface Delivered<T, P> {
  readonly record: T
  /** The position once this record is processed: reading after it begins with the next record. */
  readonly position: P
}

/** How much of a partition comes after a position. */
export interface Lag {
  readonly amount: number
  /** The unit of the amount; a broker that cannot count the records between two positions gives bytes or time. */
  readonly unit: 'records' | 'bytes' | 'milliseconds'
}

/** A record that could not be decoded, and why. */
export interface Undecodable<P> {
  readonly partition: string
  readonly position: P
  /** The record as it is in the broker or the file. */
  readonly content: Uint8Array
  /** With the code `CODEC`, or `VALUE_TOO_LARGE` for a record that exceeds a limit of the input. */
  readonly error: KVError
}

/** Options of every input. */
export interface InputOptions<P> {
  /**
   * Called with each record that cannot be decoded, so that reading goes on after it; its result is awaited. The same
   * record may come again after a restart.
   * @defaultValue none: reading fails with `CODEC`, and the error names the `partition` and the `position`
   */
  readonly undecodable?: ((letter: Undecodable<P>) => unknown) | undefined
}

/**
 * An input in parts, each read in order: the partitions of a Kafka topic, Redis streams, byte ranges of files. An
 * adapter for another broker implements this and passes `partitionedInputContract` of `rxkeeper/testing`.
 *
 * A position (`P`) belongs to the adapter and is opaque to everybody else. It must survive JSON, since it is stored
 * with the state.
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
   * The names of all partitions, now and at each change, in any order. A name means the same records in every process
   * and run. Completes after a list that can no longer change.
   */
  readonly partitions$: Observable<readonly string[]>
  /**
   * The records of a partition strictly after a position, or from the earliest one.
   *
   * They are pulled: a bounded number is fetched ahead. Each iterator starts anew after `after`. It is done at the end
   * of a bounded partition; otherwise it waits for new records. It reconnects by itself, without losing or repeating a
   * record. It rejects with a `KVError` where reconnecting did not succeed in the adapter's time (`UNAVAILABLE`:
   * reading again from the last position may succeed), where records after the position are gone (`POSITION_LOST`),
   * where one cannot be decoded (`CODEC`), or when the input is closed (`CLOSED`).
   *
   * The iterator's `return` releases everything it holds, even while a `next` is pending, which then resolves as done.
   */
  read(partition: string, after: P | undefined): AsyncIterable<Delivered<T, P>>
  /**
   * Tells the broker how far a partition was processed, so that its own tools show it; only the state decides where
   * reading goes on. May be called late, repeatedly and out of order: it never moves the broker's position back.
   */
  committed?(partition: string, position: P): void | Promise<void>
  /** How much comes after a position now; `undefined` where that is unknown. */
  lag?(partition: string, after: P | undefined): Promise<Lag | undefined>
  /** Ends reading and releases connections. Idempotent; called by whoever made the input. */
  close?(): Promise<void>
}

/**
 * The identity of a record, `partition@position`, for whatever is derived from it: a sink can drop what it has seen
 * before.
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
