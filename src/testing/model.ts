import { KVError } from '../base/errors.ts'
import { holds, nextVersion, versionConflict } from '../contract/conditions.ts'
import type { ExpectedVersion } from '../contract/engine.ts'
import { inSpan, sortKeys } from '../contract/keys.ts'
import type { Entry, ListOptions, Mutation, MutationResult } from '../store/kv-store.ts'
import type { Operation, Outcome } from './operations.ts'

/**
 * A model of a `KVStore`, as simple as possible: synchronous, in a `Map`. Check your pipeline's store against it.
 *
 * @example
 * ```ts
 * import { KVModel } from 'rxkeeper/testing'
 *
 * const model = new KVModel<number>()
 * model.put('alice', 1)
 * model.update('alice', (count = 0) => count + 1)
 * console.log(model.entry('alice')) // { key: 'alice', value: 2, version: 1 }
 * ```
 */
export class KVModel<V> {
  readonly #entries: Map<string, Entry<V>>

  constructor(entries: Iterable<Entry<V>> = []) {
    this.#entries = new Map(Array.from(entries, entry => [entry.key, entry]))
  }

  /** A copy with the same entries. */
  copy(): KVModel<V> {
    return new KVModel(this.#entries.values())
  }

  /** The value, or `undefined`. */
  get(key: string): V | undefined {
    return this.#entries.get(key)?.value
  }

  /** The entry, or `undefined`. */
  entry(key: string): Entry<V> | undefined {
    return this.#entries.get(key)
  }

  /** The existing entries, in the order of `keys`. */
  entryAll(keys: Iterable<string>): Map<string, Entry<V>> {
    const found = new Map<string, Entry<V>>()
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry !== undefined) found.set(key, entry)
    }
    return found
  }

  /** Throws `VERSION_CONFLICT` where `ifVersion` does not hold. */
  put(key: string, value: V, ifVersion?: ExpectedVersion): Entry<V> {
    const current = this.#expect(key, ifVersion)
    const entry = { key, value, version: current === undefined ? 0 : nextVersion(current.version) }
    this.#entries.set(key, entry)
    return entry
  }

  /** Throws `VERSION_CONFLICT` where `ifVersion` does not hold. */
  delete(key: string, ifVersion?: number): boolean {
    this.#expect(key, ifVersion)
    return this.#entries.delete(key)
  }

  /** The entry after the update; a `next` that returns `undefined` deletes. */
  update(key: string, next: (current: V | undefined) => V | undefined): Entry<V> | undefined {
    const value = next(this.get(key))
    if (value !== undefined) return this.put(key, value)
    this.delete(key)
    return undefined
  }

  /** All or none. */
  transact(writes: Iterable<Mutation<V>>): MutationResult<V>[] {
    const before = [...this.#entries]
    try {
      return Array.from(writes, write => this.#write(write))
    } catch (error) {
      this.#entries.clear()
      for (const [key, entry] of before) this.#entries.set(key, entry)
      throw error
    }
  }

  /** The entries of a range, in the order of their keys. */
  entries({
    from,
    to,
    prefix = '',
    reverse,
    limit = Number.POSITIVE_INFINITY,
  }: ListOptions = {}): Entry<V>[] {
    const inRange = [...this.#entries.keys()].filter(
      key => key.startsWith(prefix) && inSpan(key, { from, to }),
    )
    const keys = sortKeys(inRange)
    if (reverse) keys.reverse()
    return keys.slice(0, limit).map(key => this.#entries.get(key)!)
  }

  /** Carries out an operation. */
  perform(operation: Operation<V>): Outcome {
    try {
      return { result: this.#perform(operation) }
    } catch (error) {
      if (error instanceof KVError) return { error: error.code }
      throw error
    }
  }

  #perform(operation: Operation<V>): unknown {
    switch (operation.type) {
      case 'get':
        return this.get(operation.key)
      case 'entry':
        return this.entry(operation.key)
      case 'getAll':
        return Array.from(this.entryAll(operation.keys), ([key, { value }]) => [key, value])
      case 'entryAll':
        return [...this.entryAll(operation.keys)]
      case 'put':
        return this.put(operation.key, operation.value, operation.ifVersion)
      case 'putAll':
        return operation.entries.map(([key, value]) => this.put(key, value))
      case 'delete':
        return this.delete(operation.key, operation.ifVersion)
      case 'deleteAll':
        return operation.keys.filter(key => this.delete(key)).length
      case 'update':
        return this.update(operation.key, operation.next)
      case 'transact':
        return this.transact(operation.writes)
      case 'entries':
        return this.entries(operation.options)
      case 'keys':
        return this.entries(operation.options).map(({ key }) => key)
    }
  }

  #write(write: Mutation<V>): MutationResult<V> {
    switch (write.type) {
      case 'put':
        return { type: 'put', entry: this.put(write.key, write.value, write.ifVersion) }
      case 'delete':
        return { type: 'delete', existed: this.delete(write.key, write.ifVersion) }
      case 'check':
        this.#expect(write.key, write.ifVersion)
        return { type: 'check' }
    }
  }

  #expect(key: string, ifVersion: ExpectedVersion | undefined): Entry<V> | undefined {
    const current = this.#entries.get(key)
    if (!holds(ifVersion, current)) throw versionConflict(key, ifVersion, current?.version ?? 'absent')
    return current
  }
}
