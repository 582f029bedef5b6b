import { compareKeys } from '../contract/keys.ts'
import { FIGURES_PREFIX } from '../metrics/publish.ts'
import type { Change } from '../store/kv-store.ts'
import type { Batches, Figure, Program, Sample } from './wire.ts'

/** How many samples to keep of each program: five minutes, one per second. */
export const HISTORY = 300

/** How many programs are shown. */
const PROGRAMS = 50

/** The largest value accepted as figures, in bytes, and how many of its errors are shown: others may write anything. */
const VALUE_LIMIT = 64 * 1024
const ERROR_CODES = 20
const CODE_LENGTH = 60

/** Figures are out of date after this many of their intervals, but not before this many milliseconds. */
const STALE_INTERVALS = 4
const STALE_AT_LEAST = 5_000

type Json = Readonly<Record<string, unknown>>

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {}
const figureOf = (value: unknown): Figure =>
  typeof value === 'number' && Number.isFinite(value) ? value : null

/** The figure at a path, if there is one: others may have written anything into the store. */
function figureAt(value: unknown, ...path: readonly string[]): Figure {
  return figureOf(path.reduce<unknown>((inner, name) => objectOf(inner)[name], value))
}

const batchesOf = (calls: unknown): Batches => ({
  calls: figureAt(calls, 'calls'),
  size: figureAt(calls, 'batchSize'),
  p99: figureAt(calls, 'batchSizes', 'p99'),
  max: figureAt(calls, 'batchSizes', 'max'),
  latency: figureAt(calls, 'latency'),
})

function errorsOf(...tallies: readonly unknown[]): Record<string, number> {
  // With a null prototype, since the codes may be any words.
  const errors: Record<string, number> = Object.create(null)
  for (const tally of tallies) {
    for (const [word, count] of Object.entries(objectOf(tally)).slice(0, ERROR_CODES)) {
      const code = word.slice(0, CODE_LENGTH)
      if (typeof count === 'number') errors[code] = (errors[code] ?? 0) + count
    }
  }
  return errors
}

/** Reads a program's figures, even if some are missing. */
function programOf(name: string, published: unknown, at: number): Omit<Program, 'stale'> {
  const { records, store } = objectOf(published)
  const calls = ['reads', 'writes', 'commits'] as const
  const interval = objectOf(objectOf(store).interval)
  const total = objectOf(objectOf(store).total)
  const sums = (figure: string, of: Json): Figure => {
    const figures = calls.map(call => figureAt(of, call, figure)).filter(figure => figure !== null)
    return figures.length === 0 ? null : figures.reduce((sum, figure) => sum + figure, 0)
  }
  // For a program that measures no records, its calls are shown.
  const latest: Sample =
    records === undefined
      ? {
          at,
          throughput: sums('throughput', interval),
          p50: figureAt(interval, 'reads', 'percentiles', 'p50'),
          p90: figureAt(interval, 'reads', 'percentiles', 'p90'),
          p99: figureAt(interval, 'reads', 'percentiles', 'p99'),
          availability: figureAt(interval, 'availability'),
        }
      : {
          at,
          throughput: figureAt(records, 'interval', 'throughput'),
          p50: figureAt(records, 'interval', 'percentiles', 'p50'),
          p90: figureAt(records, 'interval', 'percentiles', 'p90'),
          p99: figureAt(records, 'interval', 'percentiles', 'p99'),
          availability: figureAt(records, 'interval', 'availability') ?? figureAt(interval, 'availability'),
        }
  return {
    name,
    latest,
    inFlight: figureAt(records ?? store, 'inFlight'),
    records: records === undefined ? sums('items', total) : figureAt(records, 'total', 'records'),
    failed: records === undefined ? sums('failed', total) : figureAt(records, 'total', 'failed'),
    errors: errorsOf(
      objectOf(objectOf(records).total).errors,
      ...calls.map(call => objectOf(total[call]).errors),
    ),
    batches:
      store === undefined
        ? undefined
        : {
            reads: batchesOf(total.reads),
            writes: batchesOf(total.writes),
            commits: batchesOf(total.commits),
          },
    cacheHits: figureAt(total, 'cacheHits'),
    cacheMisses: figureAt(total, 'cacheMisses'),
  }
}

/** The time that a program gives, if it is plausible, that is before `seen`. */
const timeBefore = (seen: number, told: Figure): number =>
  told === null || told < 0 ? seen : Math.min(seen, told)

interface Known {
  readonly program: Omit<Program, 'stale'>
  readonly staleAfter: number
  readonly history: readonly Sample[]
}

/** The programs that publish their figures, with their recent figures. */
export class Published {
  readonly #known = new Map<string, Known>()

  /** Takes a change of the store; returns whether it was one of published figures. */
  take(change: Change<Uint8Array>, at: number): boolean {
    if (change.type === 'synced' || !change.key.startsWith(FIGURES_PREFIX)) return false
    const name = change.key.slice(FIGURES_PREFIX.length)
    if (change.type === 'delete') this.#known.delete(name)
    else this.#put(name, change.value, at)
    return true
  }

  /** Sorted by name. */
  programs(now: number): Program[] {
    return [...this.#known.values()]
      .map(({ program, staleAfter }) => ({ ...program, stale: now > staleAfter }))
      .sort((a, b) => compareKeys(a.name, b.name))
  }

  history(): Record<string, readonly Sample[]> {
    return Object.fromEntries([...this.#known].map(([name, { history }]) => [name, history]))
  }

  #put(name: string, value: Uint8Array, seen: number): void {
    if (name === '' || value.length > VALUE_LIMIT) return
    let published: unknown
    try {
      published = JSON.parse(Buffer.from(value).toString())
    } catch {
      return
    }
    const known = this.#known.get(name)
    if (known === undefined && this.#known.size >= PROGRAMS) return
    // Figures from before the monitor's start may be old; afterwards its own clock counts, not that of another machine.
    const at = known === undefined ? timeBefore(seen, figureAt(published, 'at')) : seen
    const program = programOf(name, published, at)
    const patience = Math.max(STALE_AT_LEAST, STALE_INTERVALS * (figureAt(published, 'interval') ?? 0))
    const history = [...(known?.history ?? []), program.latest].slice(-HISTORY)
    this.#known.set(name, { program, staleAfter: at + patience, history })
  }
}
