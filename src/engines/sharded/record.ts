import { randomUUID } from 'node:crypto'
import {
  catchError,
  defaultIfEmpty,
  finalize,
  forkJoin,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
} from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Due, Engine, NodeEntry, Nodes, Stored } from '../../contract/engine.ts'
import { childOf, nodeKey } from '../../contract/nodes.ts'

const FOLDER = nodeKey('shards')
const NAME = 'layout'
const NODE = childOf(FOLDER, NAME)

/** Which shard an engine is to be. */
export interface ShardPlace {
  readonly index: number
  readonly count: number
  /** The name of the hash. */
  readonly hash: string
  /** What the engine is called, for people. */
  readonly name: string
}

/** What the node says. */
interface ShardLayout {
  readonly shard: number
  readonly of: number
  readonly hash: string
  /** The same in all shards of a store, and in no other's. */
  readonly store: string
}

const placeOf = ({ shard, of: count, hash }: ShardLayout): string => `shard ${shard} of ${count} by ${hash}`

function decode({ value }: Pick<Stored, 'value'>): ShardLayout {
  try {
    const { shard, of: count, hash, store } = JSON.parse(Buffer.from(value).toString())
    return { shard: Number(shard), of: Number(count), hash: String(hash), store: String(store) }
  } catch (cause) {
    throw new KVError('INVALID_ARGUMENT', 'the node that says where keys are cannot be read', { cause })
  }
}

/**
 * A node beside the keys of each shard, which records its place, so that stores that disagree do not miss each other's
 * keys: where it says otherwise, every operation fails with `INVALID_ARGUMENT`.
 *
 * Before the first write they are made in all shards, which must all be there for that; then each stands for itself.
 * Until one is known to be there, it is looked at after every read and before the answer is given, and where it is
 * absent, so are the others; then it is watched, and looked at again after every lost connection.
 */
export class ShardRecord {
  readonly #engine: Engine
  readonly #place: ShardPlace
  /** Those of all shards, in order. */
  readonly #all: readonly ShardRecord[]
  readonly #ends: { unsubscribe(): void }[]
  #watchable = true
  /** The name of the store, as long as the record is known to be there and ours. */
  #store: string | undefined

  constructor(engine: Engine & { readonly nodes: Nodes }, place: ShardPlace, all: readonly ShardRecord[]) {
    this.#engine = engine
    this.#place = place
    this.#all = all
    this.#ends = [
      engine.status$.subscribe(({ state }) => {
        if (state !== 'connected') this.#store = undefined
      }),
      // Where it cannot be watched, it is never taken for known.
      engine.nodes.children(FOLDER).subscribe({
        next: children => this.#seen(children),
        error: () => {
          this.#watchable = false
        },
      }),
    ]
  }

  /** Whether it is known to be there and ours. */
  get verified(): boolean {
    return this.#store !== undefined && this.#watchable
  }

  /** Fails unless what was read just now was read in the right place. */
  confirm(due: Due): Observable<unknown> {
    return this.#look(due).pipe(
      mergeMap(layout => {
        if (layout !== undefined) return of(undefined)
        const others = this.#all.filter(record => record !== this)
        return forkJoin([this.#checkEmpty(due), ...others.map(record => record.#look(due))])
      }),
    )
  }

  /** Makes the record where it is absent, and with it those of all other shards. */
  make(due: Due): Observable<unknown> {
    return this.#look(due).pipe(
      mergeMap(layout => (layout === undefined ? this.#makeAll(due) : of(undefined))),
    )
  }

  close(): void {
    for (const end of this.#ends) end.unsubscribe()
  }

  #seen(children: readonly NodeEntry[]): void {
    const child = children.find(({ name }) => name === NAME)
    this.#store = undefined
    try {
      const layout = child && decode(child)
      if (layout === undefined || !this.#isOurs(layout)) return
      if (this.#differing(layout) === undefined) this.#store = layout.store
    } catch {
      // Whoever reads it is told.
    }
  }

  #look(due: Due): Observable<ShardLayout | undefined> {
    return this.#read(due).pipe(
      mergeMap(layout => {
        this.#store = undefined
        if (layout === undefined) return of(undefined)
        if (!this.#isOurs(layout)) throw this.#refusal(layout)
        return this.#checkStore(layout, due)
      }),
    )
  }

  #read(due: Due): Observable<ShardLayout | undefined> {
    return this.#engine.read([NODE], due).pipe(
      map(([stored]) => {
        if (stored instanceof KVError) throw stored
        return stored && decode(stored)
      }),
    )
  }

  #isOurs({ shard, of: count, hash }: ShardLayout): boolean {
    return shard === this.#place.index && count === this.#place.count && hash === this.#place.hash
  }

  /** All shards must be of one store; what is known of another is read again before it counts. */
  #checkStore(layout: ShardLayout, due: Due): Observable<ShardLayout> {
    const other = this.#differing(layout)
    const known = (): ShardLayout => {
      this.#store = layout.store
      return layout
    }
    if (other === undefined) return of(known())
    return other.#read(due).pipe(
      map(theirs => {
        if (theirs === undefined || theirs.store === layout.store) return known()
        throw new KVError(
          'INVALID_ARGUMENT',
          `${other.#place.name} and ${this.#place.name} hold keys of different stores ('${theirs.store}' and '${layout.store}')`,
        )
      }),
    )
  }

  #differing({ store }: ShardLayout): ShardRecord | undefined {
    return this.#all.find(record => record.verified && record.#store !== store)
  }

  /** What has keys and no record was not written by a store over several engines. */
  #checkEmpty(due: Due): Observable<unknown> {
    const scan = this.#engine.keys({})
    return scan.next(due).pipe(
      mergeMap(page =>
        page.length === 0 ? of(undefined) : this.#look(due).pipe(map(l => l ?? this.#foreign())),
      ),
      finalize(() => scan.close()),
    )
  }

  #foreign(): never {
    throw new KVError(
      'INVALID_ARGUMENT',
      `${this.#place.name} has keys that were written by a store of its own, this store was opened with it as ${this.#ours}`,
    )
  }

  #makeAll(due: Due): Observable<unknown> {
    return forkJoin(this.#all.map(record => record.#look(due))).pipe(
      mergeMap(layouts => {
        const missing = this.#all.filter((_, i) => layouts[i] === undefined)
        const name = layouts.find(layout => layout !== undefined)?.store ?? randomUUID()
        // One after the other, and in the same order for all: so the first names the store, whoever makes it.
        const make = (name$: Observable<string>, record: ShardRecord) =>
          name$.pipe(mergeMap(store => record.#create(store, due)))
        return forkJoin(missing.map(record => record.#checkEmpty(due))).pipe(
          // Another has made them all by now.
          defaultIfEmpty([]),
          mergeMap(() => missing.reduce(make, of(name))),
        )
      }),
    )
  }

  #create(store: string, due: Due): Observable<string> {
    const { index, count, hash } = this.#place
    const layout: ShardLayout = { shard: index, of: count, hash, store }
    const value = Buffer.from(JSON.stringify(layout))
    return this.#engine.commit([{ type: 'put', key: NODE, value, ifVersion: 'absent' }], due).pipe(
      map(() => {
        this.#store = store
        return store
      }),
      catchError((error: KVError) => {
        // Another was faster, or we were, and did not hear of it.
        const isDoubtful = error.code === 'VERSION_CONFLICT' || error.code === 'INDETERMINATE'
        if (!isDoubtful) return throwError(() => error)
        return this.#look(due).pipe(
          map(found => {
            if (found === undefined) throw error
            return found.store
          }),
        )
      }),
    )
  }

  get #ours(): string {
    return placeOf({ shard: this.#place.index, of: this.#place.count, hash: this.#place.hash, store: '' })
  }

  #refusal(layout: ShardLayout): KVError {
    return new KVError(
      'INVALID_ARGUMENT',
      `${this.#place.name} holds the keys of ${placeOf(layout)}, this store was opened with it as ${this.#ours}`,
    )
  }
}
