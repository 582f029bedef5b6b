import { isDeepStrictEqual } from 'node:util'
import { Subscriber, Subscription, timer } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import { Queue } from '../../base/queue.ts'
import type { Written } from '../../contract/engine.ts'
import type { Access } from '../../store/access.ts'
import { ReadBy, WriteBy } from '../../store/asked.ts'
import type { Change, Mutation } from '../../store/kv-store.ts'
import { passes, RETRY_PAUSE } from '../../store/retries.ts'
import { callbackError } from './arguments.ts'
import { Row } from './tables-row.ts'

/** What is joined, by what, and to what. */
export interface TablesWork<L, R, V> {
  readonly left: Access<L>
  readonly right: Access<R>
  readonly result: Access<V>
  readonly foreignKey: (left: L, key: string) => string | undefined
  readonly join: (left: L, right: R | undefined, key: string) => V
  /** Whether an entry of the left table has a result also where the right table has none for it. */
  readonly keepsLeft: boolean
}

/** How many results may be on their way at a time. */
const IN_FLIGHT = 1024

/**
 * Keeps a result table as two tables say that it should be. It knows all three as `changes$` tells of them, and writes
 * where the third is not what follows from the others, on the condition that it is as it was seen: so whoever
 * interferes, and wherever a process dies, the next look mends it.
 */
export class TablesJoin<L, R, V> {
  readonly #work: TablesWork<L, R, V>
  readonly #destination: Subscriber<Change<V>>
  readonly #rows = new Map<string, Row<L, V>>()
  readonly #rights = new Map<string, R>()
  /** The keys of the left table by their foreign key. */
  readonly #index = new Map<string, Set<Row<L, V>>>()
  /** Those that are dirty and not busy. */
  readonly #dirty = new Queue<Row<L, V>>()
  readonly #outOfDate = new Set<string>(['left', 'right', 'result'])
  readonly #pauses = new Subscription()
  #inFlight = 0
  #isStepping = false
  /** Something was changed since `synced` was told. */
  #hasNews = false

  constructor(work: TablesWork<L, R, V>, destination: Subscriber<Change<V>>) {
    this.#work = work
    this.#destination = destination
    destination.add(this.#pauses)
    this.#follow('right', work.right, (key, value) => this.#rightChanged(key, value))
    this.#follow('left', work.left, (key, value) => this.#leftChanged(key, value))
    this.#follow('result', work.result, (...told) => this.#resultTold(...told))
  }

  #follow<T>(
    name: string,
    access: Access<T>,
    told: (key: string, value: T | undefined, version: number, revision: number) => void,
  ): void {
    const changes = new Subscriber<Change<T>>({
      next: ({ type }) => {
        if (type === 'synced') this.#synced(name)
      },
      error: (error: unknown) => this.#destination.error(error),
      complete: () =>
        this.#destination.error(new KVError('CLOSED', `the store of the ${name} table is closed`)),
    })
    this.#destination.add(changes)
    access.follow({}, changes, {
      missing: () => this.#outOfDate.add(name),
      saw: (key, value, version, revision) => {
        told(key, value, version, revision)
        this.#step()
      },
    })
  }

  #synced(name: string): void {
    this.#outOfDate.delete(name)
    this.#hasNews = true
    if (name === 'result') for (const row of this.#rows.values()) if (!row.isTold) this.#doubt(row)
    this.#step()
  }

  #doubt(row: Row<L, V>): void {
    row.isDoubtful = true
    this.#touch(row)
  }

  #rowOf(key: string): Row<L, V> {
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = new Row(key)
      this.#rows.set(key, row)
    }
    return row
  }

  #leftChanged(key: string, left: L | undefined): void {
    const row = this.#rowOf(key)
    row.left = left
    this.#hasNews = true
    let foreign: string | undefined
    try {
      foreign = left === undefined ? undefined : this.#work.foreignKey(left, key)
    } catch (error) {
      this.#destination.error(callbackError('foreignKey', error, key))
      return
    }
    if (foreign !== row.foreign) {
      this.#unlist(row)
      row.foreign = foreign
      if (foreign !== undefined) this.#list(row, foreign)
    }
    this.#touch(row)
  }

  #list(row: Row<L, V>, foreign: string): void {
    const rows = this.#index.get(foreign)
    if (rows === undefined) this.#index.set(foreign, new Set([row]))
    else rows.add(row)
  }

  #unlist(row: Row<L, V>): void {
    const { foreign } = row
    if (foreign === undefined) return
    const rows = this.#index.get(foreign)!
    rows.delete(row)
    if (rows.size === 0) this.#index.delete(foreign)
  }

  #rightChanged(key: string, right: R | undefined): void {
    if (right === undefined) this.#rights.delete(key)
    else this.#rights.set(key, right)
    for (const row of this.#index.get(key) ?? []) this.#touch(row)
    this.#hasNews = true
  }

  #resultTold(key: string, result: V | undefined, version: number, revision: number): void {
    const row = this.#rowOf(key)
    if (row.told(result, version, revision)) this.#touch(row)
  }

  #touch(row: Row<L, V>): void {
    if (row.isDirty) return
    row.isDirty = true
    if (!row.isBusy) this.#dirty.push(row)
  }

  /** A loop, not a recursion: what is written may be answered, and told, at once. */
  #step(): void {
    if (this.#isStepping) return
    this.#isStepping = true
    while (this.#outOfDate.size === 0 && this.#inFlight < IN_FLIGHT && !this.#destination.closed) {
      const row = this.#dirty.shift()
      if (row === undefined) break
      row.isDirty = false
      this.#mend(row)
    }
    this.#isStepping = false
    if (this.#outOfDate.size > 0 || this.#inFlight > 0 || this.#dirty.length > 0 || !this.#hasNews) return
    this.#hasNews = false
    this.#destination.next({ type: 'synced' })
  }

  #mend(row: Row<L, V>): void {
    if (row.isDoubtful) {
      this.#begin(row)
      this.#read(row)
      return
    }
    const { key, result, version } = row
    let wanted: V | undefined
    try {
      wanted = this.#resultOf(row)
    } catch (error) {
      this.#destination.error(error)
      return
    }
    if (wanted !== undefined) {
      if (!isDeepStrictEqual(result, wanted))
        this.#write(row, { type: 'put', key, value: wanted, ifVersion: version })
    } else if (version !== 'absent') this.#write(row, { type: 'delete', key, ifVersion: version })
    else if (row.left === undefined) this.#rows.delete(key)
  }

  /** What the result table should have, as it would read it. */
  #resultOf({ key, left, foreign }: Row<L, V>): V | undefined {
    const { join, keepsLeft, result } = this.#work
    const right = foreign === undefined ? undefined : this.#rights.get(foreign)
    if (left === undefined || (right === undefined && !keepsLeft)) return undefined
    let joined: V
    try {
      joined = join(left, right, key)
    } catch (error) {
      throw callbackError('join', error, key)
    }
    return result.decode(key, result.encode(key, joined))
  }

  #write(row: Row<L, V>, mutation: Mutation<V>): void {
    const { key } = row
    const destination = this.#destination
    this.#begin(row)
    const written = ({ version, revision }: Written): void => {
      const isPut = mutation.type === 'put'
      row.written(isPut ? mutation.value : undefined, version, revision)
      destination.next(isPut ? { type: 'put', key, value: mutation.value, version } : { type: 'delete', key })
      this.#end(row)
    }
    const failed = (error: KVError): void => {
      if (error.code === 'VERSION_CONFLICT' || passes(error)) this.#read(row)
      else destination.error(error)
    }
    this.#work.result.write(mutation, new WriteBy(() => destination.closed, written, failed))
  }

  /** Nobody knows what the result table has: it is looked up. */
  #read(row: Row<L, V>): void {
    const destination = this.#destination
    row.isTold = false
    row.isDoubtful = false
    const found = (result: V | undefined, version: number): void => {
      row.found(result, version)
      row.isDirty = true
      this.#end(row)
    }
    const failed = (error: KVError): void => {
      if (!passes(error)) destination.error(error)
      else this.#pauses.add(timer(RETRY_PAUSE).subscribe(() => this.#read(row)))
    }
    this.#work.result.ask(new ReadBy(row.key, () => destination.closed, found, failed))
  }

  #begin(row: Row<L, V>): void {
    row.isBusy = true
    row.isTold = false
    this.#inFlight++
    this.#hasNews = true
  }

  #end(row: Row<L, V>): void {
    row.isBusy = false
    this.#inFlight--
    if (row.isDirty) this.#dirty.push(row)
    else if (row.left === undefined) this.#touch(row)
    this.#step()
  }
}
