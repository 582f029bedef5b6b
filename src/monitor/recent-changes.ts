import type { Change } from '../store/kv-store.ts'
import { PREVIEW } from './browse.ts'
import { shownValue } from './shown-value.ts'
import type { Changes, Keys, SeenChange } from './wire.ts'

/** How many changes are sent at a time, and kept for a page that comes later. */
const LIMIT = 60

type Seen = Exclude<Change<Uint8Array>, { type: 'synced' }> & { readonly at: number }

const keyed = (changes: Iterable<Seen>): Map<string, Seen> => {
  const latest = new Map<string, Seen>()
  for (const change of changes) {
    // Set anew, it comes last.
    latest.delete(change.key)
    latest.set(change.key, change)
  }
  return latest
}

// Only what is sent is made text of: what a flood leaves out costs next to nothing.
const shown = (change: Seen): SeenChange =>
  change.type === 'delete' ? change : { ...change, value: shownValue(change.value, PREVIEW) }

/** The changes of a store: the latest of each key since they were last taken, and what was seen before. */
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

  /** How many changes were seen, without what was there at the beginning. */
  get seen(): number {
    return this.#seen
  }

  get waiting(): boolean {
    return this.#sinceTaken > 0
  }

  /** @param listed whether it is counted as a change, not only as a key */
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
    this.#waiting.set(change.key, { ...change, at })
    if (this.#waiting.size > LIMIT) this.#waiting.delete(this.#waiting.keys().next().value!)
  }

  /** What came since it was last taken. */
  take(): Changes {
    const latest = [...this.#waiting.values()]
    const omitted = this.#sinceTaken - latest.length
    this.#kept = [...keyed([...this.#kept, ...latest]).values()].slice(-LIMIT)
    this.#waiting = new Map()
    this.#sinceTaken = 0
    return { latest: latest.map(shown), omitted, keys: this.keys }
  }

  /** What was taken before, for a page that comes later. */
  overview(): Changes {
    return { latest: this.#kept.map(shown), omitted: 0, keys: this.keys }
  }
}
