import { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { StoredEntry } from '../contract/engine.ts'
import { ReadBy, WriteBy } from '../store/asked.ts'
import { drain } from '../store/listing.ts'
import type { RotationContext, Tally } from './tally.ts'

/** Reads all values, page by page, and rewrites those that are not current; emits after each page, and completes. */
export const values$ = <V>(context: RotationContext<V>, tally: Tally): Observable<void> =>
  new Observable(subscriber => {
    const scan = context.engine.entries({})
    subscriber.add(() => scan.close())
    let writing = 0
    let resume = (): void => {}
    const settled = (): void => {
      writing--
      if (writing > 0 || subscriber.closed) return
      subscriber.next()
      resume()
    }
    drain(scan, context, {
      // The previous page is written first, so that at most one page is in flight.
      waits: go => {
        resume = go
        return writing > 0
      },
      page: entries => {
        // Counted as one more until the page is done: the first may be settled at once.
        writing = 1
        for (const entry of entries) {
          tally.seen++
          tally.key = entry.key
          if (!isOld(context, entry, tally)) continue
          writing++
          new Rewrite(context, entry.key, subscriber, tally, settled).begin()
        }
        writing--
        if (writing === 0) subscriber.next()
        return !subscriber.closed
      },
      end: () => subscriber.complete(),
      error: error => subscriber.error(error),
    })
  })

function isOld<V>(
  { access }: RotationContext<V>,
  { key, value }: Pick<StoredEntry, 'key' | 'value'>,
  tally: Tally,
): boolean {
  try {
    return !access.isCurrent(key, value)
  } catch (error) {
    tally.count(error as KVError)
    return false
  }
}

/**
 * One value that is written anew. It is read once more right before: a page may have been read some time ago, and the
 * version alone does not tell a key that was deleted and created again since.
 */
class Rewrite<V> {
  readonly #context: RotationContext<V>
  readonly #key: string
  readonly #wanted: { readonly closed: boolean; error(error: KVError): void }
  readonly #tally: Tally
  readonly #settled: () => void

  constructor(
    context: RotationContext<V>,
    key: string,
    wanted: { readonly closed: boolean; error(error: KVError): void },
    tally: Tally,
    settled: () => void,
  ) {
    this.#context = context
    this.#key = key
    this.#wanted = wanted
    this.#tally = tally
    this.#settled = settled
  }

  begin(): void {
    const { access, timeout } = this.#context
    const found: ReadBy<V>['found'] = (value, version, bytes) => this.#found(value, version, bytes)
    access.ask(
      new ReadBy(
        this.#key,
        () => this.#wanted.closed,
        found,
        error => this.#failed(error),
      ),
      timeout,
    )
  }

  #found(value: V | undefined, version: number, bytes: Uint8Array | undefined): void {
    const { access, timeout } = this.#context
    const key = this.#key
    const isStillOld = bytes !== undefined && isOld(this.#context, { key, value: bytes }, this.#tally)
    if (value === undefined || !isStillOld) this.#settled()
    else {
      const write = new WriteBy(
        () => this.#wanted.closed,
        () => this.#written(),
        error => this.#failed(error),
      )
      access.write({ type: 'put', key, value, ifVersion: version }, write, timeout)
    }
  }

  #written(): void {
    this.#tally.count(undefined)
    this.#settled()
  }

  #failed(error: KVError): void {
    const fatal = this.#tally.count(error)
    if (fatal !== undefined) this.#wanted.error(fatal)
    this.#settled()
  }
}
