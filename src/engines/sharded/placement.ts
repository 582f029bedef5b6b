import { attempt, KVError } from '../../base/errors.ts'
import type { Write } from '../../contract/engine.ts'
import { quoteKey } from '../../contract/keys.ts'
import { isNodeKey } from '../../contract/nodes.ts'
import { murmur3, tagOf } from './hash.ts'

/** Which keys of a store over several engines are together in one, so that a transaction can have them all. */
export interface ShardBy {
  /**
   * Recorded with the data: a store that is opened with another name is refused. Give another with every change of
   * `of`.
   */
  readonly name: string
  /** What of a key is hashed: keys for which it is the same are together. It must be pure. */
  readonly of: (key: string) => string
}

/** By hash tag: `user:{42}:name` and `user:{42}:mail` are together. */
const byTag: ShardBy = { name: 'tag', of: tagOf }

/** How many keys a message names of each shard. */
const NAMED = 2

/** Which shard holds a key. */
export class Placement {
  readonly count: number
  /** The name of the hash, as it is recorded. */
  readonly hash: string
  readonly #of: (key: string) => string

  constructor(count: number, shardBy: ShardBy = byTag) {
    if (typeof shardBy?.name !== 'string' || shardBy.name === '' || typeof shardBy.of !== 'function') {
      throw new KVError('INVALID_ARGUMENT', '`shardBy` must have a `name` and a function `of`')
    }
    this.count = count
    this.hash = `murmur3 ${shardBy.name}`
    this.#of = shardBy.of
  }

  /** Throws `CALLBACK` where `shardBy` fails. Nodes beside the keys are in the first shard. */
  indexOf(key: string): number {
    if (isNodeKey(key)) return 0
    const hashed = attempt('CALLBACK', '`shardBy.of` threw', key, () => this.#of(key))
    if (typeof hashed !== 'string') {
      throw new KVError('CALLBACK', `\`shardBy.of\` must return a string, got ${String(hashed)}`, { key })
    }
    return murmur3(hashed) % this.count
  }

  /** The shard that holds what all of these write to, `index` where it is given; throws `UNSUPPORTED` where they are in others. */
  holding(writes: readonly Write[], index: number = this.indexOf(writes[0]!.key)): number {
    for (const { key } of writes) {
      if (!isNodeKey(key) && this.indexOf(key) !== index) throw this.#apart(writes)
    }
    return index
  }

  #apart(writes: readonly Write[]): KVError {
    const keys = new Map<number, Set<string>>()
    for (const { key } of writes) {
      if (isNodeKey(key)) continue
      const index = this.indexOf(key)
      const some = keys.get(index) ?? new Set()
      if (some.size < NAMED) some.add(quoteKey(key))
      keys.set(index, some)
    }
    const named = [...keys]
      .slice(0, NAMED)
      .map(([index, some]) => `${[...some].join(', ')} in shard ${index}`)
    return new KVError(
      'UNSUPPORTED',
      `a transaction cannot span ensembles, and its ${writes.length} writes do (${named.join(', ')}, …); nothing was sent. ` +
        "Keys with the same tag in braces, such as 'user:{42}:name', are together",
    )
  }
}
