import { concat, Observable, type Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { accessOf } from '../store/access.ts'
import type { KVStore } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'
import { journals$ } from './journals.ts'
import { type RotationContext, Tally } from './tally.ts'
import { values$ } from './values.ts'

/** The progress of {@link rotate$}. */
export interface RotateProgress {
  /** The number of the pass, from 1. */
  readonly pass: number
  /** How many values this pass has read. */
  readonly seen: number
  /** How many values were rewritten, in all passes. */
  readonly rotated: number
  /** How many values somebody else wrote first in this pass; the next pass reads them again. */
  readonly overtaken: number
  /** The last key read. */
  readonly key: string | undefined
  /** Whether nothing old is left: a full pass found none. */
  readonly done: boolean
}

/**
 * Rewrites all values that are not in the form in which the store's codec writes them now: encrypted under an old key,
 * not encrypted at all, or of an old version of `versioned`. Others can read and write meanwhile: each value is written
 * on the condition that it has not changed since it was read, a page at a time, so nothing is lost; a job whose value
 * was rewritten meanwhile reads it again, as after any other writer. The outputs that killed jobs have left in their
 * journals are rewritten, too.
 *
 * Emits its progress, page by page. Repeats until a pass finds nothing old, emits `done`, and completes: then the old
 * key can be dropped. If it was stopped, even by kill -9, start it again: rewritten values stay rewritten. All writers
 * must write the new form by then, or it goes on forever. Values that cannot be read, or have become too large, are
 * left unchanged; at the end of the pass it fails with the first of these errors.
 *
 * A key that is deleted and recreated at the same version between the read and the write of its value is mistaken for
 * the old one, as with `update$`: let nothing do that meanwhile.
 *
 * Watchers see each rewritten value, with its new version.
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
    // With headers, so that a value keeps its timers and its expiry.
    new Rotation({ access: accessOf<V>(store).headed, engine, timing, timeout }, subscriber).look()
  })
}

/** The pause before the next pass while others still write an old form, in milliseconds. */
const PAUSE = 1_000

class Rotation<V> {
  readonly #context: RotationContext<V>
  readonly #subscriber: Subscriber<RotateProgress>
  #pass = 0
  /** In the passes before. */
  #rotated = 0
  #tally = new Tally()

  constructor(context: RotationContext<V>, subscriber: Subscriber<RotateProgress>) {
    this.#context = context
    this.#subscriber = subscriber
  }

  /** Starts another pass. */
  look(): void {
    this.#pass++
    this.#rotated += this.#tally.rotated
    this.#tally = new Tally()
    const work$ = concat(values$(this.#context, this.#tally), journals$(this.#context, this.#tally))
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
    // Others still write an old form.
    else this.#subscriber.add(this.#context.timing.after(PAUSE, () => this.look()))
  }
}
