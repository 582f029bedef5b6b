import { Observable } from 'rxjs'
import { ONLOOKER } from '../contract/seal.ts'
import { type Comparison, compare, type Difference } from './compare.ts'
import { timeoutOf } from './moveStore.ts'
import { placeOf } from './places.ts'
import { Side } from './side.ts'

/** The progress of a comparison, or a result. */
export type CompareEvent =
  | { readonly type: 'progress'; readonly entries: number }
  | { readonly type: 'difference'; readonly difference: Difference }
  | { readonly type: 'compared'; readonly comparison: Comparison }

/** Options of {@link compareStores$}. */
export interface CompareOptions {
  /** The URLs of the stores, as `openStore` takes them. */
  readonly left: string
  readonly right: string
  /**
   * The timeout of an operation, in milliseconds.
   * @defaultValue 60000
   */
  readonly timeout?: number | undefined
}

/**
 * Compares the keys and values of two stores, in key order: emits each `difference`, `progress` now and then, and at
 * last `compared`, with a checksum of each side; then completes. Versions are ignored. Writes made meanwhile may or may
 * not be seen. A store that has been moved can be compared, too.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from 'node:fs'
 * import { firstValueFrom, lastValueFrom } from 'rxjs'
 * import { compareStores$, openStore, text } from 'rxkeeper'
 *
 * const folder = mkdtempSync('/tmp/example-')
 * const one = openStore(`lmdb:${folder}/one`, { value: text })
 * await firstValueFrom(one.put$('alice', 'here'))
 * const last = await lastValueFrom(compareStores$({ left: `lmdb:${folder}/one`, right: `lmdb:${folder}/other` }))
 * console.log(last.type === 'compared' && last.comparison.differences) // 1
 * await one.close()
 * rmSync(folder, { recursive: true })
 * ```
 */
export function compareStores$({ left, right, timeout }: CompareOptions): Observable<CompareEvent> {
  const milliseconds = timeoutOf(timeout)
  const places = [placeOf(left, milliseconds), placeOf(right, milliseconds)] as const
  return new Observable(subscriber => {
    const stopping = new AbortController()
    const work = async (): Promise<void> => {
      await using one = new Side(places[0], ONLOOKER)
      await using other = new Side(places[1], ONLOOKER)
      const comparison = await compare(one, other, {
        differ: difference => {
          subscriber.next({ type: 'difference', difference })
          return undefined
        },
        progress: entries => subscriber.next({ type: 'progress', entries }),
        signal: stopping.signal,
      })
      subscriber.next({ type: 'compared', comparison })
    }
    work().then(
      () => subscriber.complete(),
      error => subscriber.error(error),
    )
    return () => stopping.abort()
  })
}
