import type { Change } from '../store/kv-store.ts'
import { PREVIEW } from './browse.ts'
import { headOf, shownValue } from './shown-value.ts'
import type { Changes, Keys, SeenChange } from './wire.ts'

/** How many changes are sent at a time, and kept for pages that open later. */
const LIMIT = 60

/** A change as it is kept: only the part of its value that is shown, since it may be of any size. */
type Seen = { readonly at: number; readonly key: string } & (
  | { readonly type: 'put'; readonly version: number; readonly head: Uint8Array; readonly bytes: number }
  | { readonly type: 'delete' }
)

function seenAt(at: number, change: Exclude<Change<Uint8Array>, { type: 'synced' }>): Seen {
  if (change.type === 'delete') return { ...change, at }
  const { type, key, version, value } = change
  // Copied, because a view would keep the whole value in memory.
  return { type, at, key, version, head: new Uint8Array(headOf(value, PREVIEW)), bytes: value.length }
}

const keyed = (changes: Iterable<Seen>): Map<string, Seen> => {
  const latest = new Map<string, Seen>()
  for (const change of changes) {
    // Deleted first, so that it comes last.
    latest.delete(change.key)
    latest.set(change.key, change)
  }
  return latest
}

// Only changes that are sent are made into text, so that those omitted in a flood cost next to nothing.
function shown(change: Seen): SeenChange {
  if (change.type === 'delete') return change
  const { type, at, key, version, head, bytes } = change
  return { type, at, key, version, value: shownValue(head, PREVIEW, bytes) }
}

/** The changes of a store: the latest of each key since they were last taken, and earlier ones. */
export class RecentChanges {
  readonly #keys = new Set<string>()
  #waiting = new Map<string, Seen>()
  #kept: readonly Seen[] = []
  #synced = false
  #seen = 0
  #sinceTaken = 0

  get keys(): Keys {
    return { count: this.#keys.size, synced: this.#synced }
  }

  /** How many changes were seen, without the initial entries. */
  get seen(): number {
    return this.#seen
  }

  get waiting(): boolean {
    return this.#sinceTaken > 0
  }

  /** @param listed whether it counts as a change, not only as a key */
  add(change: Change<Uint8Array>, at: number, counted = true): void {
    if (change.type === 'synced') {
      this.#synced = true
      return
    }
    if (change.type === 'put') this.#keys.add(change.key)
    else this.#keys.delete(change.key)
    if (!this.#synced || !counted) return
    this.#seen++
    this.#sinceTaken++
    this.#waiting.delete(change.key)
    this.#waiting.set(change.key, seenAt(at, change))
    if (this.#waiting.size > LIMIT) this.#waiting.delete(this.#waiting.keys().next().value!)
  }

  /** The changes since they were last taken. */
  take(): Changes {
    const latest = [...this.#waiting.values()]
    const omitted = this.#sinceTaken - latest.length
    this.#kept = [...keyed([...this.#kept, ...latest]).values()].slice(-LIMIT)
    this.#waiting = new Map()
    this.#sinceTaken = 0
    return { latest: latest.map(shown), omitted, keys: this.keys }
  }

  /** The changes taken before, for a page that opens later. */
  overview(): Changes {
    return { latest: this.#kept.map(shown), omitted: 0, keys: this.keys }
  }
}
