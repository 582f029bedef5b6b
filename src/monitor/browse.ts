import { map, type Observable, toArray } from 'rxjs'
import type { KVStore } from '../store/kv-store.ts'
import { shownValue } from './shown-value.ts'
import type { KeyPage, ListedEntry } from './wire.ts'

/** The number of entries on a page of the listing. */
const PAGE = 50

/** How many characters of a value the listing shows. */
export const PREVIEW = 160

/** How many characters of a value are shown on its own. */
const WHOLE = 256 * 1024

/** How long a listing or a read may take, in milliseconds. */
const TIMEOUT = 5_000

/** Emits the page of the entries with a prefix that come after a key, and completes. */
export function page$(
  store: KVStore<Uint8Array>,
  prefix: string,
  after: string | undefined,
): Observable<KeyPage> {
  // The smallest possible key after it.
  const from = after === undefined ? undefined : `${after}\0`
  return store.entries$({ prefix, from, limit: PAGE + 1, timeout: TIMEOUT }).pipe(
    map(({ key, version, value }): ListedEntry => ({ key, version, value: shownValue(value, PREVIEW) })),
    toArray(),
    map(entries => ({ entries: entries.slice(0, PAGE), more: entries.length > PAGE })),
  )
}

/** Emits the entry of a key, or `null` where there is none, and completes. */
export const entry$ = (store: KVStore<Uint8Array>, key: string): Observable<ListedEntry | null> =>
  store
    .entry$(key, { timeout: TIMEOUT })
    .pipe(
      map(entry =>
        entry === undefined ? null : { key, version: entry.version, value: shownValue(entry.value, WHOLE) },
      ),
    )
