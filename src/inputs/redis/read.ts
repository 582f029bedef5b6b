import { KVError } from '../../base/errors.ts'
import type { Delivered, InputOptions } from '../partitioned-input.ts'
import { refuse } from '../undecodable.ts'
import { compareIds, isId, type RedisEntry } from './entry.ts'
import type { RedisConfig } from './options.ts'
import { mayBeLost, type Stream, type StreamInfo } from './stream.ts'

/** The approximate size of one fetch, in bytes. */
const FETCH = 1024 * 1024

/** How many entries to fetch first, while their length is unknown. */
const FIRST = 4

/** How long the server waits for an entry before it answers that there is none, in milliseconds. */
const PAUSE = 5000

/** Reads a stream, once. */
export class StreamReading<T> {
  readonly #name: string
  readonly #stream: Stream
  readonly #config: RedisConfig
  readonly #decode: (entry: RedisEntry) => T
  readonly #undecodable: InputOptions<string>['undecodable']
  /** The id of the last entry that was read. */
  #last: string | undefined
  /** How many entries had been added to the stream up to that one, where known. */
  #rank: number | undefined
  #count = FIRST

  constructor(
    name: string,
    stream: Stream,
    config: RedisConfig,
    decode: (entry: RedisEntry) => T,
    undecodable: InputOptions<string>['undecodable'],
  ) {
    this.#name = name
    this.#stream = stream
    this.#config = config
    this.#decode = decode
    this.#undecodable = undecodable
  }

  async *records(after: string | undefined): AsyncGenerator<Delivered<T, string>, void> {
    const name = this.#name
    if (after !== undefined && !isId(after)) {
      throw new KVError('INVALID_ARGUMENT', `no position of ${name}: ${JSON.stringify(after)}`)
    }
    this.#last = after
    for (;;) {
      const asked = Math.min(this.#count, this.#config.prefetch)
      // Sent together, so that both see the stream in the same state.
      const [found, info] = await Promise.all([this.#from(asked), this.#stream.info()])
      const entries = this.#next(found, info, asked)
      for (const entry of entries) {
        this.#last = entry.id
        let record: T
        try {
          record = this.#decode(entry)
        } catch (cause) {
          const content = Buffer.from(JSON.stringify(entry.fields))
          await refuse({ partition: name, position: entry.id, content }, cause, this.#undecodable)
          continue
        }
        yield { record, position: entry.id }
      }
      if (entries.length < asked) await this.#more(info)
    }
  }

  /**
   * Reads the last entry again, and those after it: trimming begins at the first entry, so as long as the last one is
   * there, none after it was trimmed.
   */
  #from(asked: number): Promise<RedisEntry[]> {
    const last = this.#last
    return this.#stream.entries(last ?? '-', asked + (last === undefined ? 0 : 1))
  }

  /**
   * The entries after the last one. Where some may be lost, fails, or with `gone: 'skip'` goes on with those that are
   * left.
   */
  #next(found: readonly RedisEntry[], info: StreamInfo, asked: number): readonly RedisEntry[] {
    const last = this.#last
    const begin = last !== undefined && found[0]?.id === last ? 1 : 0
    if (last !== undefined && begin === 0 && mayBeLost(last, info, this.#rank)) {
      this.#lost(last, info)
      return []
    }
    const entries = found.slice(begin, begin + asked)
    // At the end of the stream, the rank is the number of entries ever added.
    if ((entries.at(-1)?.id ?? last) === info.last) this.#rank = info.added
    else if (this.#rank !== undefined) this.#rank += entries.length
    if (entries.length > 0) {
      const size = entries.reduce((sum, entry) => sum + entry.size, 0)
      const fitting = Math.max(1, Math.floor((FETCH * entries.length) / Math.max(1, size)))
      this.#count = Math.min(fitting, 2 * Math.max(asked, FIRST))
    }
    return entries
  }

  #lost(last: string, info: StreamInfo): void {
    if (!this.#config.skip) {
      const message = `entries of ${this.#name} after ${last} may have been trimmed; the first is ${info.first ?? 'none'}`
      throw new KVError('POSITION_LOST', message, { partition: this.#name, position: last })
    }
    this.#last = undefined
    this.#rank = undefined
  }

  /** Waits for an entry if there is none after the last one. */
  async #more(info: StreamInfo): Promise<void> {
    const last = this.#last
    if (info.tail !== undefined && (last === undefined || compareIds(info.tail, last) > 0)) return
    await this.#stream.wait(info.last, Math.min(PAUSE, this.#config.timeout))
  }
}
