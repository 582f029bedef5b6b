import { firstValueFrom } from 'rxjs'
import { KVError, type KVStore, type Mutation } from 'rxkeeper'
import type { Flight } from './flight.ts'
import { isRoute, positionKey, type State } from './state.ts'

/**
 * How far an input has been counted. It is written in the same commits as the routes, so that a run that was killed
 * goes on exactly where its state stands; and on the condition that nobody else has written it, so that of two runs
 * that count the same input at the same time one fails instead of counting it twice.
 */
export class Bookmark {
  /** How many records had been counted when this run began. */
  readonly counted: number
  readonly #key: string
  #version: number | undefined
  #underWay = 0

  private constructor(key: string, counted: number, version: number | undefined) {
    this.#key = key
    this.counted = counted
    this.#version = version
  }

  static async open(store: KVStore<State>, file: string): Promise<Bookmark> {
    const key = positionKey(file)
    const entry = await firstValueFrom(store.entry$(key))
    const counted = entry === undefined || isRoute(entry.value) ? 0 : entry.value.counted
    return new Bookmark(key, counted, entry?.version)
  }

  /** The write that goes with the commit of these flights. May be asked for again for the same commit. */
  readonly commitWith = (flights: readonly Flight[]): Mutation<State>[] => {
    this.#underWay = flights.length
    const value = { counted: flights.at(-1)!.position }
    return [{ type: 'put', key: this.#key, value, ifVersion: this.#version ?? 'absent' }]
  }

  /** Whether a run failed because another one has written this bookmark. */
  isTaken(error: unknown): boolean {
    return error instanceof KVError && error.code === 'VERSION_CONFLICT' && error.key === this.#key
  }

  /** To be called for each flight that came out: with the last of a commit, it is done. */
  done(): void {
    if (--this.#underWay === 0) this.#version = this.#version === undefined ? 0 : this.#version + 1
  }
}
