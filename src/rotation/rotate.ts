import { concat, Observable, type Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { accessOf } from '../store/access.ts'
import type { KVStore } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'
import { journals$ } from './journals.ts'
import { type Room, Tally } from './tally.ts'
import { values$ } from './values.ts'

/** How far {@link rotate$} has come. */
export interface RotateProgress {
  /** Which look at everything it is, the first being 1. */
  readonly pass: number
  /** How many values this one has looked at. */
  readonly seen: number
  /** How many were written anew, in all. */
  readonly rotated: number
  /** How many somebody else wrote first, in this one: the next looks at them again. */
  readonly overtaken: number
  /** The key that was looked at last. */
  readonly key: string | undefined
  /** Whether nothing old is left: this look, of everything, found none. */
  readonly done: boolean
}

/**
 * Writes all values anew that the store's codec would write otherwise by now: those under a key that is not the current one
 * of `encrypted`, not encrypted at all, or of an old version of `versioned`. While others read and write: each value is written on the
 * condition that it is as it was read, a page at a time, so nothing of theirs is lost, and a job whose value was written
 * meanwhile reads it again, as after any other writer. The outputs that killed jobs have left in their journals are written anew, too.
 *
 * Emits how far it has come, page by page. Looks at everything again until it finds nothing old, says `done`, and completes: then
 * the old key can go. Where it was stopped, also by kill -9, begin it again: what is written need not be again.
 * All writers must write in the new form by then, or it goes on for ever. Values that cannot be read, or have become too
 * large, are left as they are; at the end of that look it fails with the first of these errors.
 *
 * A key that is deleted and created again between the read and the write of a value, at the same version, is taken for the old
 * one, as with `update$`: let nothing do that meanwhile.
 *
 * Those who watch see each value that is written anew, with its new version.
 *
 * @example
 * ```ts
 * import { randomBytes } from 'node:crypto'
 * import { firstValueFrom, lastValueFrom } from 'rxjs'
 * import { encrypted, json, memoryStore, openKeyring, rotate$ } from 'rxkeeper'
 *
 * const kms: Record<string, Uint8Array> = { 'k1': randomBytes(32), 'k2': randomBytes(32) }
 * const keyring = await openKeyring({ current: 'k1', key: id => kms[id] })
 * await using store = memoryStore({ value: encrypted(json<number>(), keyring) })
 * await firstValueFrom(store.put$('alice', 1))
 *
 * await keyring.use('k2')
 * const { done, rotated } = await lastValueFrom(rotate$(store))
 * if (done) keyring.refuse('k1')
 * console.log(rotated, await firstValueFrom(store.get$('alice'))) // 1 1
 * ```
 */
export function rotate$<V>(store: KVStore<V>): Observable<RotateProgress> {
  return new Observable(subscriber => {
    const { engine, timing, timeout } = observedOf(store)
    // With their headers, so that a value keeps its timers and its time to live.
    new Rotation({ access: accessOf<V>(store).headed, engine, timing, timeout }, subscriber).look()
  })
}

/** How long to wait before values that others write in an old form are looked for again, in milliseconds. */
const PAUSE = 1_000

class Rotation<V> {
  readonly #room: Room<V>
  readonly #subscriber: Subscriber<RotateProgress>
  #pass = 0
  /** In the passes before. */
  #rotated = 0
  #tally = new Tally()

  constructor(room: Room<V>, subscriber: Subscriber<RotateProgress>) {
    this.#room = room
    this.#subscriber = subscriber
  }

  /** Looks at everything once more. */
  look(): void {
    this.#pass++
    this.#rotated += this.#tally.rotated
    this.#tally = new Tally()
    const work$ = concat(values$(this.#room, this.#tally), journals$(this.#room, this.#tally))
    this.#subscriber.add(
      work$.subscribe({
        next: () => this.#tell(false),
        error: error => this.#subscriber.error(error),
        complete: () => this.#looked(),
      }),
    )
  }

  #tell(done: boolean): void {
    const { seen, rotated, overtaken, key } = this.#tally
    this.#subscriber.next({
      pass: this.#pass,
      seen,
      rotated: this.#rotated + rotated,
      overtaken,
      key,
      done,
    })
  }

  #looked(): void {
    const { failed, failure, foundNone } = this.#tally
    if (failure !== undefined) {
      const others = failed === 1 ? '' : `, and ${failed - 1} more`
      const message = `not all could be written anew: ${failure.message}${others}`
      this.#subscriber.error(new KVError(failure.code, message, { key: failure.key, cause: failure }))
    } else if (foundNone) {
      this.#tell(true)
      this.#subscriber.complete()
    } else if (this.#pass === 1) this.look()
    // Others still write in an old form.
    else this.#subscriber.add(this.#room.timing.after(PAUSE, () => this.look()))
  }
}
