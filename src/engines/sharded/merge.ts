import { defer, forkJoin, map, type Observable, of, tap } from 'rxjs'
import type { Due, KeySpan, Scan } from '../../contract/engine.ts'
import { compareKeys } from '../../contract/keys.ts'

/** The current page of one of the scans. */
class Source<P> {
  readonly #scan: Scan<P>
  #page: readonly P[] = []
  #next = 0
  #ended = false

  constructor(scan: Scan<P>) {
    this.#scan = scan
  }

  /** Whether it must be read before the next entry is known. */
  get isEmpty(): boolean {
    return this.#next === this.#page.length && !this.#ended
  }

  get head(): P | undefined {
    return this.#page[this.#next]
  }

  take(): P {
    return this.#page[this.#next++]!
  }

  ask(due: Due): Observable<unknown> {
    return this.#scan.next(due).pipe(
      tap(page => {
        this.#page = page
        this.#next = 0
        this.#ended = page.length === 0
      }),
    )
  }

  close(): void {
    this.#scan.close()
  }
}

/** Merges several scans in key order; holds at most one page of each. */
export function mergeScans<P>(
  scans: readonly Scan<P>[],
  keyOf: (item: P) => string,
  { reverse = false }: KeySpan,
): Scan<P> {
  const sources = scans.map(scan => new Source(scan))
  const isBefore = (a: P, b: P): boolean => compareKeys(keyOf(a), keyOf(b)) < 0 !== reverse
  const nextSource = (): Source<P> | undefined => {
    let next: Source<P> | undefined
    for (const source of sources) {
      const { head } = source
      if (head !== undefined && (next === undefined || isBefore(head, next.head!))) next = source
    }
    return next
  }
  /** The entries whose order is known: until the page of one scan is used up. */
  const merged = (): P[] => {
    const page: P[] = []
    for (let source = nextSource(); source !== undefined; source = nextSource()) {
      page.push(source.take())
      if (source.isEmpty) break
    }
    return page
  }
  return {
    next: due =>
      defer(() => {
        const empty = sources.filter(source => source.isEmpty)
        const asked = empty.length === 0 ? of([]) : forkJoin(empty.map(source => source.ask(due)))
        return asked.pipe(map(merged))
      }),
    close: () => {
      for (const source of sources) source.close()
    },
  }
}
