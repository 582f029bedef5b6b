import { KVError } from '../../base/errors.ts'
import { compareIds, RedisEntry } from './entry.ts'
import type { Link } from './link.ts'

/** What Redis knows about a stream. */
export interface StreamInfo {
  /** Its number of entries. */
  readonly length: number
  /** The last id that was assigned, even if its entry is gone; `0-0` before the first. */
  readonly last: string
  /** The ids of the first and the last entry that are present. */
  readonly first: string | undefined
  readonly tail: string | undefined
  /** How many entries were ever added; servers before Redis 7 do not know. */
  readonly added: number | undefined
}

const NONE: StreamInfo = { length: 0, last: '0-0', first: undefined, tail: undefined, added: 0 }

type Reply = readonly [id: Buffer, parts: Buffer[] | null]

/** A Redis stream, accessed through a link. */
export class Stream {
  readonly #key: string
  readonly #link: Link

  constructor(key: string, link: Link) {
    this.#key = key
    this.#link = link
  }

  /** Up to `count` entries, starting with the one at this id. */
  async entries(from: string, count: number): Promise<RedisEntry[]> {
    const replies = (await this.#link.ask('XRANGE', [
      this.#key,
      from,
      '+',
      'COUNT',
      count,
    ])) as readonly Reply[]
    return replies.map(([id, parts]) => new RedisEntry(id.toString(), parts ?? []))
  }

  async info(): Promise<StreamInfo> {
    const found = await this.#link.ask('XINFO', ['STREAM', this.#key]).catch(error => {
      if (error instanceof KVError && error.message.endsWith('ERR no such key')) return undefined
      throw error
    })
    if (found === undefined) return NONE
    const values = found as readonly unknown[]
    const told = new Map(
      Array.from({ length: values.length / 2 }, (_, i) => [`${values[2 * i]}`, values[2 * i + 1]]),
    )
    const [first, tail] = [told.get('first-entry'), told.get('last-entry')] as (Reply | null)[]
    return {
      length: told.get('length') as number,
      last: `${told.get('last-generated-id')}`,
      first: first?.[0].toString(),
      tail: tail?.[0].toString(),
      added: told.get('entries-added') as number | undefined,
    }
  }

  /** Resolves when there is an entry after an id, or after `pause` milliseconds. */
  async wait(after: string, pause: number): Promise<void> {
    const args = ['COUNT', 1, 'BLOCK', pause, 'STREAMS', this.#key, after]
    await this.#link.ask('XREAD', args, pause)
  }
}

/**
 * Whether entries after an id may have been trimmed, given that the entry of that id itself is gone.
 *
 * @param rank how many entries had been added up to that id, where known
 */
export function mayBeLost(after: string, info: StreamInfo, rank: number | undefined): boolean {
  // It is another stream than the one that assigned the id.
  if (compareIds(info.last, after) < 0) return true
  if (info.last === after) return false
  // Trimming begins at the first entry, so it has not reached the id: somebody deleted that single entry.
  if (info.first !== undefined && compareIds(info.first, after) <= 0) return false
  if (rank === undefined || info.added === undefined) return true
  return info.added - info.length > rank
}
