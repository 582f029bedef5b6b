import { BehaviorSubject, map, type Observable, takeWhile } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Delivered, Lag, PartitionedInput } from '../inputs/partitioned-input.ts'
import { Readers } from '../inputs/readers.ts'

/** Options of {@link memoryInput}. */
export interface MemoryInputOptions {
  /**
   * Whether more can be appended; an input that is not live ends.
   * @defaultValue false
   */
  readonly live?: boolean | undefined
}

interface State {
  readonly names: readonly string[]
  readonly live: boolean
}

function checkPosition(partition: string, position: number): void {
  if (Number.isInteger(position) && position >= 0) return
  throw new KVError('INVALID_ARGUMENT', `no position of ${partition}: ${JSON.stringify(position)}`)
}

/** A partitioned input in memory, made by {@link memoryInput}; a position is the number of records up to it. */
export class MemoryInput<T> implements PartitionedInput<T, number>, AsyncDisposable {
  /** The positions reported as committed, by partition, in order. */
  readonly told: Map<string, number[]> = new Map()
  readonly partitions$: Observable<readonly string[]>
  readonly #records = new Map<string, T[]>()
  readonly #state$: BehaviorSubject<State>
  readonly #readers = new Readers()
  #wake: (() => void)[] = []

  constructor(partitions: Readonly<Record<string, readonly T[]>>, live: boolean) {
    for (const [name, records] of Object.entries(partitions)) this.#records.set(name, [...records])
    this.#state$ = new BehaviorSubject<State>({ names: [...this.#records.keys()], live })
    this.partitions$ = this.#state$.pipe(
      takeWhile(state => state.live, true),
      map(({ names }) => names),
    )
  }

  /** Adds records at the end of a partition, which is created if needed. */
  append(partition: string, ...records: T[]): void {
    if (!this.#state$.value.live) throw new KVError('CLOSED', 'the input has ended')
    const present = this.#records.get(partition)
    if (present === undefined) {
      this.#records.set(partition, records)
      this.#state$.next({ names: [...this.#records.keys()], live: true })
    } else for (const record of records) present.push(record)
    this.#wakeAll()
  }

  /** Nothing more will be appended: partitions end, and `partitions$` completes. */
  end(): void {
    this.#state$.next({ ...this.#state$.value, live: false })
    this.#wakeAll()
  }

  read(partition: string, after: number | undefined): AsyncIterable<Delivered<T, number>> {
    return this.#readers.read(`reading ${partition}`, signal => this.#read(partition, after, signal))
  }

  committed(partition: string, position: number): void {
    this.told.set(partition, [...(this.told.get(partition) ?? []), position])
  }

  async lag(partition: string, after = 0): Promise<Lag> {
    const records = this.#of(partition)
    checkPosition(partition, after)
    return { amount: records.length - after, unit: 'records' }
  }

  close(): Promise<void> {
    return this.#readers.close()
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async *#read(partition: string, after = 0, signal: AbortSignal): AsyncGenerator<Delivered<T, number>> {
    const records = this.#of(partition)
    checkPosition(partition, after)
    signal.addEventListener('abort', () => this.#wakeAll())
    for (let at = after; !signal.aborted; ) {
      if (at < records.length) yield { record: records[at]!, position: ++at }
      else if (!this.#state$.value.live) return
      else await new Promise<void>(resolve => this.#wake.push(resolve))
    }
  }

  #of(partition: string): readonly T[] {
    const records = this.#records.get(partition)
    if (records !== undefined) return records
    throw new KVError('INVALID_ARGUMENT', `there is no partition ${partition}`)
  }

  #wakeAll(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const resume of waiting) resume()
  }
}

/**
 * A partitioned input in memory, for testing code that reads one.
 *
 * @example
 * ```ts
 * import { memoryInput } from 'rxkeeper/testing'
 *
 * const input = memoryInput<string>({ letters: ['a'] }, { live: true })
 * input.append('letters', 'b')
 * input.end()
 * for await (const { record, position } of input.read('letters', undefined)) console.log(record, position) // a 1, b 2
 * ```
 */
export const memoryInput = <T>(
  partitions: Readonly<Record<string, readonly T[]>>,
  { live = false }: MemoryInputOptions = {},
): MemoryInput<T> => new MemoryInput(partitions, live)
