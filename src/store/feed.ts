import type { Subscriber } from 'rxjs'
import type { Engine, KeySpan, Scan, Stored, StoredEntry } from '../engine.ts'
import { KVError } from '../errors.ts'
import { inSpan } from '../keys.ts'
import type { Timing } from '../timing.ts'
import type { Batcher } from './batcher.ts'
import type { Hub, Listener } from './hub.ts'
import type { Change } from './kv-store.ts'
import { drain } from './listing.ts'
import { passes, Refresher } from './refresher.ts'

/** Pause before a listing that failed is begun again, in milliseconds. */
const RETRY_PAUSE = 100

/** What a feed needs of its store. */
export interface FeedContext<V> {
  readonly engine: Engine
  readonly hub: Hub
  readonly batcher: Batcher
  readonly timing: Timing
  readonly timeout: number
  decode(key: string, bytes: Uint8Array): V
}

/**
 * One subscription of `changes$`: lists the range, then follows it.
 *
 * Whenever the watch is armed anew the range is listed again and compared with what was emitted, by revision, so that
 * whatever happened while nobody was watching is seen, a key recreated at the same version too.
 */
export class Feed<V> implements Listener {
  readonly #context: FeedContext<V>
  readonly #span: KeySpan
  readonly #subscriber: Subscriber<Change<V>>
  readonly #refresher: Refresher
  /** The revisions of the entries that were emitted. */
  readonly #revisions = new Map<string, number>()
  /** While listing: keys that changed since it began, about which the listing may be behind. */
  #touched: Set<string> | undefined
  #scan: Scan<StoredEntry> | undefined
  /** Listed, but not all that was touched meanwhile has been read. */
  #settling = false

  constructor(context: FeedContext<V>, span: KeySpan, subscriber: Subscriber<Change<V>>) {
    this.#context = context
    this.#span = span
    this.#subscriber = subscriber
    const { batcher, timing, timeout } = context
    this.#refresher = new Refresher(batcher, timing, timeout, (key, result) => this.#refreshed(key, result))
  }

  /** Begins to emit, until unsubscribed. */
  start(): void {
    const { hub } = this.#context
    this.#subscriber.add(() => {
      hub.remove(this)
      this.#stopListing()
      this.#refresher.stop()
    })
    hub.add(this)
  }

  armed(): void {
    this.#stopListing()
    this.#settling = false
    const touched = new Set<string>()
    const present = new Set<string>()
    const scan = this.#context.engine.entries(this.#span)
    this.#touched = touched
    this.#scan = scan
    drain(scan, this.#context, {
      page: entries => {
        for (const entry of entries) {
          if (scan !== this.#scan) return false
          if (touched.has(entry.key)) continue
          present.add(entry.key)
          this.#learn(entry.key, entry)
        }
        return scan === this.#scan
      },
      end: () => {
        if (scan === this.#scan) this.#listed(present, touched)
      },
      error: error => {
        if (scan === this.#scan) this.#listingFailed(error)
      },
    })
  }

  disarmed(): void {
    this.#stopListing()
    this.#settling = false
  }

  changed(keys: readonly string[]): void {
    for (const key of keys) {
      if (!inSpan(key, this.#span)) continue
      this.#touched?.add(key)
      this.#refresher.touch(key)
    }
  }

  ended(error: KVError | undefined): void {
    if (error === undefined) this.#subscriber.complete()
    else this.#subscriber.error(error)
  }

  #stopListing(): void {
    this.#scan?.close()
    this.#scan = undefined
    this.#touched = undefined
  }

  #listingFailed(error: KVError): void {
    this.#stopListing()
    if (error.code === 'CLOSED') return
    if (!passes(error)) this.#subscriber.error(error)
    else {
      const again = () => {
        if (this.#context.hub.armed && this.#scan === undefined) this.armed()
      }
      this.#subscriber.add(this.#context.timing.after(RETRY_PAUSE, again))
    }
  }

  #listed(present: ReadonlySet<string>, touched: ReadonlySet<string>): void {
    this.#stopListing()
    for (const key of [...this.#revisions.keys()]) {
      if (!present.has(key) && !touched.has(key)) this.#learn(key, undefined)
    }
    this.#settling = true
    this.#settle()
  }

  #settle(): void {
    if (!this.#settling || !this.#refresher.idle) return
    this.#settling = false
    this.#subscriber.next({ type: 'synced' })
  }

  #refreshed(key: string, result: Stored | undefined | KVError): void {
    if (!(result instanceof KVError)) this.#learn(key, result)
    else if (result.code !== 'CLOSED') this.#subscriber.error(result)
    this.#settle()
  }

  #learn(key: string, stored: Stored | undefined): void {
    const revision = this.#revisions.get(key)
    if (stored === undefined) {
      if (this.#revisions.delete(key)) this.#subscriber.next({ type: 'delete', key })
      return
    }
    if (stored.revision === revision) return
    let value: V
    try {
      value = this.#context.decode(key, stored.value)
    } catch (error) {
      this.#subscriber.error(error)
      return
    }
    this.#revisions.set(key, stored.revision)
    this.#subscriber.next({ type: 'put', key, value, version: stored.version })
  }
}
