import type { Subscription } from 'rxjs'
import type { KVStore } from 'rxkeeper'
import type { Value } from './client.ts'
import type { State } from './history.ts'
import type { Values } from './order.ts'
import type { Held } from './truth.ts'

/** What `watch$` showed of some keys. */
export class Watcher {
  readonly #store: KVStore<Value>
  readonly #logs = new Map<string, (string | undefined)[]>()
  readonly #subscriptions: Subscription[] = []
  readonly surprises: unknown[] = []

  constructor(store: KVStore<Value>) {
    this.#store = store
  }

  watch(key: string): void {
    const log: (string | undefined)[] = []
    this.#logs.set(key, log)
    this.#subscriptions.push(
      this.#store.watch$(key).subscribe({
        next: value => log.push(value?.id),
        error: error => this.surprises.push(error),
        complete: () => this.surprises.push(`the watch of ${key} completed`),
      }),
    )
  }

  get keys(): string[] {
    return [...this.#logs.keys()]
  }

  log(key: string): Values {
    return this.#logs.get(key)!
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }
}

/** What `changes$` showed, and what it comes to. */
export class Follower {
  /** Present entries, as told. */
  readonly fold: Map<string, Held> = new Map()
  readonly #logs = new Map<string, State[]>()
  readonly #subscription: Subscription
  readonly surprises: unknown[] = []
  synced = 0

  constructor(store: KVStore<Value>) {
    this.#subscription = store.changes$().subscribe({
      next: change => {
        if (change.type === 'synced') this.synced++
        else if (change.type === 'put') {
          this.fold.set(change.key, { data: JSON.stringify(change.value), version: change.version })
          this.#log(change.key, { value: change.value.id, version: change.version })
        } else {
          if (!this.fold.delete(change.key)) this.surprises.push(`${change.key} was deleted and not there`)
          this.#log(change.key, undefined)
        }
      },
      error: error => this.surprises.push(error),
      complete: () => this.surprises.push('changes$ completed'),
    })
  }

  log(key: string): readonly State[] {
    return this.#logs.get(key) ?? []
  }

  stop(): void {
    this.#subscription.unsubscribe()
  }

  #log(key: string, state: State): void {
    const log = this.#logs.get(key)
    if (log === undefined) this.#logs.set(key, [state])
    else log.push(state)
  }
}
