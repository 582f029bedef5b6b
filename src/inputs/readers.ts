import { KVError } from '../base/errors.ts'
import type { Delivered } from './partitioned-input.ts'

/**
 * Reads until it is done or `signal` is aborted; then it must end whatever it is waiting for, with or without an error.
 */
export type Reading<T, P> = (signal: AbortSignal) => AsyncGenerator<Delivered<T, P>, void>

/**
 * An iterator over a generator whose `return` ends it at once.
 *
 * A generator's own `return` waits for a pending `next`, which may wait for records forever.
 */
class Reader<T, P> implements AsyncIterator<Delivered<T, P>> {
  readonly #abort = new AbortController()
  readonly #read: Reading<T, P>
  readonly #context: string
  readonly #over: () => void
  #generator: AsyncGenerator<Delivered<T, P>, void> | undefined
  #closed = false

  constructor(read: Reading<T, P>, context: string, over: () => void) {
    this.#read = read
    this.#context = context
    this.#over = over
  }

  next(): Promise<IteratorResult<Delivered<T, P>>> {
    if (this.#abort.signal.aborted) return this.#ended()
    try {
      this.#generator ??= this.#read(this.#abort.signal)
    } catch (error) {
      return this.#failed(error)
    }
    return this.#generator.next().then(this.#given, this.#failed)
  }

  async return(): Promise<IteratorResult<Delivered<T, P>>> {
    this.#over()
    this.#abort.abort()
    // Whoever ends the iteration no longer cares about errors.
    await this.#generator?.return().catch(() => {})
    return { done: true, value: undefined }
  }

  close(): Promise<unknown> {
    this.#closed = true
    return this.return()
  }

  readonly #given = (result: IteratorResult<Delivered<T, P>>): typeof result | Promise<typeof result> => {
    if (!result.done) return result
    this.#over()
    return this.#abort.signal.aborted ? this.#ended() : result
  }

  readonly #failed = async (error: unknown): Promise<IteratorResult<Delivered<T, P>>> => {
    this.#over()
    if (this.#abort.signal.aborted) return this.#ended()
    throw KVError.from(error, 'ENGINE', this.#context)
  }

  async #ended(): Promise<IteratorResult<Delivered<T, P>>> {
    if (this.#closed) throw new KVError('CLOSED', `${this.#context}: the input is closed`)
    return { done: true, value: undefined }
  }
}

/** The open iterators of an input. */
export class Readers {
  readonly #open = new Set<Reader<never, never>>()
  #closed = false

  get closed(): boolean {
    return this.#closed
  }

  /** An iterable whose iterators each read anew; errors without a code become `ENGINE`, with `context` in front. */
  read<T, P>(context: string, read: Reading<T, P>): AsyncIterable<Delivered<T, P>> {
    return {
      [Symbol.asyncIterator]: () => {
        const reader: Reader<T, P> = new Reader(read, context, () => this.#open.delete(reader as never))
        if (this.#closed) void reader.close()
        else this.#open.add(reader as never)
        return reader
      },
    }
  }

  /** Ends all iterators, present and future: they reject with `CLOSED`. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#open, reader => reader.close()))
  }
}
