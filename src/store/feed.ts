import type { Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { Engine, KeySpan, Scan, Stored, StoredEntry } from '../contract/engine.ts'
import { inSpan } from '../contract/keys.ts'
import type { Following } from './access.ts'
import type { Batcher } from './batcher.ts'
import { Expiries } from './expiries.ts'
import { expiryOf } from './header.ts'
import type { Hub, Listener } from './hub.ts'
import type { Change } from './kv-store.ts'
import { drain } from './listing.ts'
import { Followed, Refresher } from './refresher.ts'
import { passes, RETRY_PAUSE } from './retries.ts'

/** What a feed needs of its store. */
export interface FeedContext<V> {
  readonly engine: Engine
  readonly hub: Hub
  readonly batcher: Batcher
  readonly timing: Timing
  readonly timeout: number
  decode(key: string, bytes: Uint8Array): V
  isExpired(bytes: Uint8Array): boolean
  /** Everything has been emitted by now. */
  synced(): void
  readonly following: Following<V> | undefined
}

/** A key of the range. */
class FeedEntry extends Followed {
  /** The last emitted revision; `undefined` if there is no entry. */
  revision: number | undefined = undefined
  expires = Number.POSITIVE_INFINITY
  /** The last listing that it was part of, or that a change of it has outdated. */
  listing = 0
}

/**
 * One subscription of `changes$` to one engine: lists the range, then follows its changes.
 *
 * Whenever the watch is armed again, the range is listed again and compared, by revision, with what was emitted, so
 * that everything that happened meanwhile is noticed, even a key recreated at the same version.
 */
export class Feed<V> implements Listener {
  readonly #context: FeedContext<V>
  readonly #span: KeySpan
  readonly #subscriber: Subscriber<Change<V>>
  readonly #refresher: Refresher<FeedEntry>
  readonly #expiries: Expiries<FeedEntry>
  /** The keys whose entry was emitted, and those being read. */
  readonly #entries = new Map<string, FeedEntry>()
  #listing = 0
  #scan: Scan<StoredEntry> | undefined
  /** Whether keys that changed during the listing are still being read. */
  #settling = false
  /** Whether everything was emitted, and changes have been followed since. */
  isSynced = false
  /** Whether the store is closing, and a key could no longer be read, so that the emitted entries may be incomplete. */
  #closing = false

  constructor(context: FeedContext<V>, span: KeySpan, subscriber: Subscriber<Change<V>>) {
    this.#context = context
    this.#span = span
    this.#expiries = new Expiries(context.timing, entry => this.#gone(entry))
    this.#subscriber = subscriber
    const { batcher, timing, timeout } = context
    this.#refresher = new Refresher(batcher, timing, timeout, (entry, result) =>
      this.#refreshed(entry, result),
    )
  }

  /** Starts to emit, until unsubscribed. */
  start(): void {
    const { hub } = this.#context
    this.#subscriber.add(() => {
      hub.remove(this)
      this.#stopListing()
      this.#refresher.stop()
      this.#expiries.stop()
    })
    hub.add(this)
  }

  armed(): void {
    this.disarmed()
    const listing = ++this.#listing
    const scan = this.#context.engine.entries(this.#span)
    this.#scan = scan
    drain(scan, this.#context, {
      page: page => {
        for (const stored of page) {
          if (scan !== this.#scan) return false
          const entry = this.#entryOf(stored.key)
          // It changed since the listing began: a read after the change may be newer than the listing.
          if (entry.listing === listing) continue
          entry.listing = listing
          this.#learn(entry, stored)
        }
        return scan === this.#scan
      },
      end: () => {
        if (scan === this.#scan) this.#listed(listing)
      },
      error: error => {
        if (scan === this.#scan) this.#listingFailed(error)
      },
    })
  }

  disarmed(): void {
    this.#stopListing()
    this.#settling = false
    if (this.isSynced) this.#context.following?.missing()
    this.isSynced = false
  }

  changed(keys: readonly string[]): void {
    for (const key of keys) {
      if (!inSpan(key, this.#span)) continue
      const entry = this.#entryOf(key)
      entry.listing = this.#listing
      this.#refresher.touch(entry)
    }
  }

  ended(error: KVError | undefined): void {
    if (error === undefined) this.#subscriber.complete()
    else this.#subscriber.error(error)
  }

  #stopListing(): void {
    this.#scan?.close()
    this.#scan = undefined
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

  #listed(listing: number): void {
    this.#stopListing()
    for (const entry of [...this.#entries.values()]) {
      if (entry.listing !== listing) this.#learn(entry, undefined)
      else this.#forgetAbsent(entry)
    }
    this.#settling = true
    this.#settle()
  }

  #settle(): void {
    if (!this.#settling || this.#closing || !this.#refresher.idle) return
    this.#settling = false
    this.isSynced = true
    this.#context.synced()
  }

  #entryOf(key: string): FeedEntry {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = new FeedEntry(key)
      this.#entries.set(key, entry)
    }
    return entry
  }

  #refreshed(entry: FeedEntry, result: Stored | undefined | KVError): void {
    if (!(result instanceof KVError)) this.#learn(entry, result)
    else if (result.code === 'CLOSED') this.#closing = true
    else this.#subscriber.error(result)
    this.#settle()
  }

  /** Not during a listing: a page that was read before the deletion may still come. */
  #forgetAbsent(entry: FeedEntry): void {
    const isAbsent = entry.revision === undefined && entry.reading === undefined
    if (isAbsent && this.#scan === undefined) this.#entries.delete(entry.key)
  }

  /** The entry no longer exists. */
  #gone(entry: FeedEntry): void {
    const { key, revision } = entry
    entry.revision = undefined
    this.#expiries.set(entry, Number.POSITIVE_INFINITY)
    this.#forgetAbsent(entry)
    this.#context.following?.saw?.(key, undefined, -1, -1)
    if (revision !== undefined) this.#subscriber.next({ type: 'delete', key })
  }

  #learn(entry: FeedEntry, stored: Stored | undefined): void {
    const { key, revision } = entry
    if (stored === undefined || this.#context.isExpired(stored.value)) {
      this.#gone(entry)
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
    entry.revision = stored.revision
    this.#expiries.set(entry, expiryOf(stored.value))
    const { version } = stored
    this.#context.following?.saw?.(key, value, version, stored.revision)
    this.#subscriber.next({ type: 'put', key, value, version })
  }
}
