import { map, type Observable } from 'rxjs'
import { nextVersion } from '../conditions.ts'
import type { KVStore, Mutation } from '../store/kv-store.ts'
import type { JobPosition } from './types.ts'

/**
 * Writes the position into each commit, on the condition that nobody else has since this run began or last wrote it.
 *
 * A commit was carried out when every one of its records came out of the process loop before the next is prepared;
 * if none did, it is the same commit again.
 */
export class PositionKeeper<T, V> {
  readonly #position: JobPosition<T>
  #version: number | 'absent' = 'absent'
  /** How many records of the last commit have not come out. */
  #pending = 0
  #written = false

  constructor(position: JobPosition<T>) {
    this.#position = position
  }

  /** Emits the position that is stored, once. */
  read$(store: KVStore<V>): Observable<unknown> {
    return store.entry$(this.#position.key).pipe(
      map(entry => {
        this.#version = entry?.version ?? 'absent'
        return entry?.value
      }),
    )
  }

  /** To be told of each record that came out. */
  settled(): void {
    this.#pending--
  }

  readonly commitWith = (records: readonly T[]): Mutation<V>[] => {
    if (this.#written && this.#pending === 0)
      this.#version = this.#version === 'absent' ? 0 : nextVersion(this.#version)
    this.#written = true
    this.#pending = records.length
    const last = records[records.length - 1]!
    const value = this.#position.of(last) as V
    return [{ type: 'put', key: this.#position.key, value, ifVersion: this.#version }]
  }
}
