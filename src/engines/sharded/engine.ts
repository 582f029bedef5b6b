import { catchError, defaultIfEmpty, defer, forkJoin, map, type Observable, of, ReplaySubject } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type {
  Due,
  Engine,
  EngineLimits,
  KeySpan,
  Nodes,
  Parts,
  Scan,
  Status,
  Stored,
  StoredEntry,
  WatchSignal,
  Write,
  WriteDue,
  Written,
} from '../../contract/engine.ts'
import { statusOf, watchAll } from './gather.ts'
import { mergeScans } from './merge.ts'
import { Placement, type ShardBy } from './placement.ts'
import type { ShardRecord } from './record.ts'
import { Shard } from './shard.ts'
import { WritePart } from './write-part.ts'

/** Options of a {@link ShardedEngine}. */
export interface ShardedOptions {
  /**
   * Which keys are together in one engine, so that a transaction can have them all.
   * @defaultValue those with the same tag in braces: `user:{42}:name` and `user:{42}:mail`
   */
  readonly shardBy?: ShardBy | undefined
  /**
   * What each engine is called in messages.
   * @defaultValue `shard 0`, `shard 1`, …
   */
  readonly names?: readonly string[] | undefined
}

/**
 * An engine made of engines: each key is in the one that a hash of it says. What an engine cannot do, or cannot do in
 * time, fails for its own keys only. A transaction whose keys are in several is refused (`UNSUPPORTED`) before anything
 * is sent. Number, order and hash are recorded in each engine: another store that takes them otherwise fails with
 * `INVALID_ARGUMENT`. The engines must have nodes beside the keys, for the record.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { kvStore, Memory, MemoryEngine, ShardedEngine, text } from 'rxkeeper'
 *
 * const engines = [new Memory(), new Memory()].map(memory => new MemoryEngine(memory))
 * await using store = kvStore(new ShardedEngine(engines), { value: text })
 * console.log((await firstValueFrom(store.put$('alice', 'here'))).version) // 0
 * ```
 */
export class ShardedEngine implements Engine {
  readonly name = 'sharded'
  readonly limits: EngineLimits
  readonly status$: Observable<Status>
  readonly parts: Parts
  /** Those of the first of the engines. */
  readonly nodes: Nodes
  readonly #shards: readonly Shard[]
  readonly #placement: Placement
  #isClosing = false
  #closing: Promise<void> | undefined

  /** @param engines in an order that must always be the same; closed with this one */
  constructor(engines: readonly Engine[], { shardBy, names }: ShardedOptions = {}) {
    if (engines.length === 0) throw new KVError('INVALID_ARGUMENT', 'there must be an engine at least')
    this.#placement = new Placement(engines.length, shardBy)
    const { count, hash } = this.#placement
    const records: ShardRecord[] = []
    this.#shards = engines.map((engine, index) => {
      const place = { index, count, hash, name: names?.[index] ?? `shard ${index}` }
      const shard = new Shard(withNodes(engine), place, records)
      records.push(shard.record)
      return shard
    })
    this.nodes = this.#shards[0]!.nodes
    this.limits = limitsOf(this.#shards, this.#placement)
    const status = new ReplaySubject<Status>(1)
    statusOf(this.#shards, () => this.#isClosing).subscribe(status)
    this.status$ = status.asObservable()
    this.parts = {
      engines: this.#shards,
      indexOf: key => this.#placement.indexOf(key),
      holding: (writes, index) => this.#placement.holding(writes, index),
    }
  }

  read(keys: readonly string[], due: Due): Observable<readonly (Stored | undefined | KVError)[]> {
    return this.#fromEach<Stored | undefined>(keys, (shard, indices) =>
      shard.read(
        indices.map(index => keys[index]!),
        due,
      ),
    )
  }

  write(writes: readonly Write[], due: WriteDue): Observable<readonly (Written | KVError)[]> {
    return this.#fromEach<Written>(
      writes.map(({ key }) => key),
      (shard, indices) => {
        const part = new WritePart(writes, due)
        for (const index of indices) part.add(index)
        return shard.write(part.writes, part)
      },
    )
  }

  commit(writes: readonly Write[], due: Due): Observable<readonly Written[]> {
    return defer(() => this.#shards[this.#placement.holding(writes)]!.commit(writes, due))
  }

  entries(span: KeySpan): Scan<StoredEntry> {
    return mergeScans(
      this.#shards.map(shard => shard.entries(span)),
      ({ key }) => key,
      span,
    )
  }

  keys(span: KeySpan): Scan<string> {
    return mergeScans(
      this.#shards.map(shard => shard.keys(span)),
      key => key,
      span,
    )
  }

  watch(): Observable<WatchSignal> {
    return watchAll(this.#shards)
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#isClosing = true
      this.#closing = Promise.all(this.#shards.map(shard => shard.close())).then(() => {})
    }
    return this.#closing
  }

  /** Asks each shard for what is of its keys; where it fails, they do. */
  #fromEach<R>(
    keys: readonly string[],
    ask: (shard: Shard, indices: readonly number[]) => Observable<readonly (R | KVError)[]>,
  ): Observable<readonly (R | KVError)[]> {
    return defer(() => {
      const indices = this.#shards.map((): number[] => [])
      for (let i = 0; i < keys.length; i++) indices[this.#placement.indexOf(keys[i]!)]!.push(i)
      const results = new Array<R | KVError>(keys.length)
      const answers = this.#shards.flatMap((shard, s) => {
        const own = indices[s]!
        if (own.length === 0) return []
        const failed = (error: KVError) => of(own.map(index => error.of(keys[index]!)))
        const take = (found: readonly (R | KVError)[]) => {
          for (let i = 0; i < own.length; i++) results[own[i]!] = found[i]!
        }
        return [ask(shard, own).pipe(catchError(failed), map(take))]
      })
      return forkJoin(answers).pipe(
        map(() => results),
        defaultIfEmpty(results),
      )
    })
  }
}

function withNodes(engine: Engine): Engine & { readonly nodes: Nodes } {
  if (engine.nodes !== undefined) return engine as Engine & { readonly nodes: Nodes }
  throw new KVError(
    'UNSUPPORTED',
    `a shard needs nodes beside its keys, to record which it is, and the ${engine.name} engine has none`,
  )
}

/** What every shard takes. */
function limitsOf(shards: readonly Shard[], placement: Placement): EngineLimits {
  const least = (limit: (limits: EngineLimits) => number): number =>
    Math.min(...shards.map(({ limits }) => limit(limits)))
  return {
    keyBytes: least(({ keyBytes }) => keyBytes),
    valueBytes: key => shards[placement.indexOf(key)]!.limits.valueBytes(key),
    get readBatch() {
      return least(({ readBatch }) => readBatch)
    },
    readBytes: least(({ readBytes }) => readBytes),
    writeBatch: least(({ writeBatch }) => writeBatch),
    batchBytes: least(({ batchBytes }) => batchBytes),
    overheadBytes: -least(({ overheadBytes }) => -overheadBytes),
    inFlight: least(({ inFlight }) => inFlight),
  }
}
