import fc from 'fast-check'
import { defer, type Observable, tap, throwError } from 'rxjs'
import type { JobRun } from 'rxkeeper'
import { KVError } from 'rxkeeper'
import type { Hook } from '../operators/engines.ts'

/** What befalls a run of a job, at which of its outputs or commits. */
export interface End {
  readonly what: 'abort at output' | 'output throws' | 'abort before commit' | 'abort after commit' | 'stop'
  readonly at: number
}

/** Any end, at one of the first `most` outputs or commits, or the one after. */
export const anyEnd = (most: number) => ({
  what: fc.constantFrom<End['what'][]>(
    'abort at output',
    'output throws',
    'abort before commit',
    'abort after commit',
    'stop',
  ),
  at: fc.integer({ min: 0, max: most }),
})

/** Brings the end of one run about. */
export class Ending {
  /** Known once the job runs. */
  running: Pick<JobRun<never>, 'abort' | 'stop'> | undefined
  readonly #what: End['what']
  #left: number

  constructor({ what, at }: End) {
    this.#what = what
    this.#left = at
  }

  /** For the store of the job. */
  get hooks(): Hook[] {
    return this.#isAtCommit ? [this.#commits] : []
  }

  /** An output is about to be taken: throws `full` if that is the end. */
  beforeOutput(full: string): void {
    if (this.#isAtCommit || this.#left-- !== 0) return
    if (this.#what === 'output throws') throw new Error(full)
    if (this.#what === 'stop') this.running!.stop()
    else this.running!.abort()
  }

  get #isAtCommit(): boolean {
    return this.#what.endsWith('commit')
  }

  readonly #commits: Hook = <R>({ name }: { name: string }, answer$: Observable<R>): Observable<R> => {
    if (name !== 'commit') return answer$
    return defer(() => {
      const isLast = this.#left-- === 0
      if (isLast && this.#what === 'abort before commit') {
        this.running!.abort()
        return throwError(() => new KVError('UNAVAILABLE', 'killed'))
      }
      return isLast && this.#what === 'abort after commit'
        ? answer$.pipe(tap(() => this.running!.abort()))
        : answer$
    })
  }
}
