import { count, firstValueFrom, lastValueFrom, type OperatorFunction } from 'rxjs'
import { bytes, type KVStore, lookupKV, processKV, pull$, upsertKV, zookeeperStore } from '../../index.ts'
import type { BenchPlace } from './place.ts'
import { type Contender, keysUntil, LOOP_KEYS, type Stop, VALUE, type Work } from './work.ts'

/** This library. */
export class RxKeeper implements Contender {
  readonly name = 'rxkeeper'
  readonly #store: KVStore<Uint8Array>

  constructor(place: BenchPlace, timeout: number) {
    this.#store = zookeeperStore({ ...place, value: bytes, timeout })
  }

  async open(): Promise<void> {
    await firstValueFrom(this.#store.get$('absent'))
  }

  /** Creates the keys. */
  async load(keys: readonly string[]): Promise<void> {
    await lastValueFrom(pull$(keys).pipe(upsertKV(this.#store, key => [key, VALUE])))
  }

  async measure(work: Work, keys: readonly string[], stop: Stop): Promise<number> {
    const store = this.#store
    const does: Record<Work, OperatorFunction<string, unknown>> = {
      read: lookupKV(store, key => key),
      write: upsertKV(store, key => [key, VALUE]),
      'process loop': processKV(
        store,
        key => key,
        (_, value = VALUE) => value,
      ),
    }
    const used = work === 'process loop' ? keys.slice(0, LOOP_KEYS) : keys
    return lastValueFrom(pull$(keysUntil(used, stop)).pipe(does[work], count()))
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
