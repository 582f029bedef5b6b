import { firstValueFrom, type Observable } from 'rxjs'
import { type ExpectedVersion, KVError, type KVErrorCode, type KVStore } from 'rxkeeper'
import type { Action, Begun, History, State } from './history.ts'

/** What is written: an id that no other write has, and the id of the value that it replaces. */
export interface Value {
  readonly id: string
  readonly was: string | null
}

/** What an operation came to; `conflict` and `none` certainly did nothing. */
export type Outcome<R> =
  | { readonly type: 'done'; readonly result: R }
  | { readonly type: 'conflict' | 'none' | 'unknown' }

/** Errors after which an operation has certainly not been carried out. */
const NOTHING_DONE: ReadonlySet<KVErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE'])

/** A store, and a record of what is done with it and what it answers. */
export class Client {
  readonly name: string
  readonly store: KVStore<Value>
  readonly #history: History
  readonly #mayBeOld: boolean
  /** How often the connection went. */
  losses = 0
  /** What was asked for and has not been answered. */
  pending = 0
  /** Writes that were said not to have been carried out. */
  readonly refused: {
    readonly at: number
    readonly key: string
    readonly write: unknown
    readonly outcome: string
  }[] = []
  /** Answers that no fault explains. */
  readonly surprises: unknown[] = []
  /** What each value replaced, by its id. */
  readonly replaced: Map<string, string | null> = new Map()

  constructor(name: string, store: KVStore<Value>, history: History, mayBeOld: boolean) {
    this.name = name
    this.store = store
    this.#history = history
    this.#mayBeOld = mayBeOld
    let connected = false
    store.status$.subscribe(({ state }) => {
      if (connected && state !== 'connected') this.losses++
      connected = state === 'connected'
    })
  }

  /** A value that replaces `was`. */
  value(was: string | null | undefined): Value {
    const id = `${this.name}-${this.replaced.size}`
    this.replaced.set(id, was ?? null)
    return { id, was: was ?? null }
  }

  async read(key: string): Promise<Outcome<State>> {
    const begun = this.#begin(key)
    const outcome = await this.#settled(this.store.entry$(key))
    if (outcome.type !== 'done') {
      if (outcome.type !== 'none') this.surprises.push(`a read ended as ${outcome.type}`)
      return { type: 'none' }
    }
    const entry = outcome.result
    const found = entry && { value: entry.value.id, version: entry.version }
    this.#history.end(begun, { type: 'read', found }, { mayBeOld: this.#mayBeOld })
    return { type: 'done', result: found }
  }

  async put(key: string, value: Value, ifVersion?: ExpectedVersion): Promise<Outcome<number>> {
    const begun = this.#begin(key)
    const losses = this.losses
    const outcome = await this.#settled(this.store.put$(key, value, { ifVersion }))
    const action = { type: 'put', value: value.id, ifVersion } as const
    const repeated = ifVersion === undefined ? this.losses - losses : 0
    if (outcome.type === 'done') {
      // -1: overwritten since, which version it was can not be told.
      const { version } = outcome.result
      this.#history.end(begun, version < 0 ? action : { ...action, version }, { repeated })
      return { type: 'done', result: version }
    }
    this.#refused(begun, outcome, action)
    if (outcome.type === 'unknown') this.#history.unknown(begun, action, { repeated })
    return outcome
  }

  async delete(key: string, ifVersion?: number): Promise<Outcome<boolean>> {
    const begun = this.#begin(key)
    const losses = this.losses
    const outcome = await this.#settled(this.store.delete$(key, { ifVersion }))
    const action = { type: 'delete', ifVersion } as const
    const repeated = ifVersion === undefined ? this.losses - losses : 0
    if (outcome.type === 'done')
      this.#history.end(begun, { ...action, existed: outcome.result }, { repeated })
    this.#refused(begun, outcome, action)
    if (outcome.type === 'unknown') this.#history.unknown(begun, action, { repeated })
    return outcome
  }

  /**
   * Where a key is deleted and created again, a version comes back with another value, and ZooKeeper, which compares
   * versions, takes the one for the other: then only the version is checked.
   */
  async update(key: string, versionsReturn = false): Promise<Outcome<void>> {
    const begun = this.#begin(key)
    let from: string | undefined
    let value: Value | undefined
    const outcome = await this.#settled(
      this.store.update$(key, current => {
        from = current?.id
        value = this.value(from)
        return value
      }),
    )
    const version = outcome.type === 'done' ? outcome.result!.version : undefined
    let action: Action = { type: 'update', from, value: value?.id, version }
    if (versionsReturn) {
      const ifVersion = from === undefined ? 'absent' : version && version - 1
      action = { type: 'put', value: value?.id ?? '', ifVersion, version }
    }
    if (outcome.type === 'done') this.#history.end(begun, action)
    else if (outcome.type === 'unknown') this.#history.unknown(begun, action)
    else this.#refused(begun, outcome, action)
    return outcome.type === 'done' ? { type: 'done', result: undefined } : outcome
  }

  #begin(key: string): Begun {
    return this.#history.begin(this.name, key)
  }

  #refused(begun: Begun, outcome: Outcome<unknown>, action: Action): void {
    if (outcome.type !== 'conflict' && outcome.type !== 'none') return
    const { at, key } = begun
    this.refused.push({ at, key, write: action, outcome: outcome.type })
    if (outcome.type !== 'conflict') return
    const ifVersion = 'ifVersion' in action ? action.ifVersion : undefined
    if (ifVersion === undefined) this.surprises.push('a write without a condition ended in a conflict')
    else this.#history.end(begun, { type: 'conflict', ifVersion })
  }

  async #settled<R>(operation: Observable<R>): Promise<Outcome<R>> {
    this.pending++
    try {
      return { type: 'done', result: await firstValueFrom(operation) }
    } catch (error) {
      if (error instanceof KVError) {
        if (error.code === 'INDETERMINATE') return { type: 'unknown' }
        if (error.code === 'VERSION_CONFLICT') return { type: 'conflict' }
        if (NOTHING_DONE.has(error.code)) return { type: 'none' }
      }
      this.surprises.push(error)
      return { type: 'unknown' }
    } finally {
      this.pending--
    }
  }
}
