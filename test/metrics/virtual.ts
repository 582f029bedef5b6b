import { map, merge, mergeMap, type Observable, type OperatorFunction, timer } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { expect } from 'vitest'
import type { Status } from '../../src/contract/engine.ts'
import { measure } from '../../src/metrics/measure.ts'
import type { Snapshot } from '../../src/metrics/snapshot.ts'

export interface Work {
  readonly id: number
  /** How long the record stays inside. */
  readonly stay: number
}

export const status = (state: Status['state']): Status => ({ state, reason: 'test' })
export const stay: OperatorFunction<Work, Work> = mergeMap(record =>
  timer(record.stay).pipe(map(() => record)),
)

/** Works enter at the times given and stay as long as given. */
export const works = (...timesAndStays: (readonly [at: number, stay: number])[]): Observable<Work> =>
  merge(...timesAndStays.map(([at, stay], id) => timer(at).pipe(map(() => ({ id, stay })))))

export const virtually = (test: (scheduler: TestScheduler) => void): void => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(() => test(scheduler))
}

/** Runs the source through the measured pipeline and gives the snapshots and what came out. */
export const run = <T, R>(
  source$: Observable<T>,
  pipeline: OperatorFunction<T, R>,
  options: {
    bytesOf?: (record: T) => number
    recordOf?: (output: R) => T | undefined
    ordered?: boolean
    interval?: number
    store?: { readonly status$: Observable<Status> }
    unsubscribeAt?: number
  } = {},
): { snapshots: Snapshot[]; final: Snapshot; outputs: R[]; end: unknown } => {
  const snapshots: Snapshot[] = []
  const outputs: R[] = []
  let end: unknown
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(() => {
    const subscription = source$
      .pipe(measure(pipeline, { ...options, scheduler, next: snapshot => snapshots.push(snapshot) }))
      .subscribe({
        next: output => outputs.push(output),
        error: error => {
          end = error
        },
        complete: () => {
          end = 'complete'
        },
      })
    if (options.unsubscribeAt !== undefined)
      timer(options.unsubscribeAt).subscribe(() => subscription.unsubscribe())
  })
  expect(snapshots.filter(({ final }) => final)).toEqual(snapshots.slice(-1))
  return { snapshots, final: snapshots.at(-1)!, outputs, end }
}
