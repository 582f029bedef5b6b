import { delay, EMPTY, merge, mergeMap, NEVER, of, pipe, take, throwError, timer } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { KVError } from '../../src/base/errors.ts'
import { run, stay, type Work, works } from './virtual.ts'

describe('measure counts what is inside at the end', () => {
  it('counts what is inside at a failure as failed, timed until then', () => {
    const error = new KVError('TIMEOUT', 'too late')
    const pipeline = mergeMap((work: Work) =>
      work.id === 1
        ? timer(20).pipe(mergeMap(() => throwError(() => error)))
        : of(work).pipe(delay(work.stay)),
    )
    const { final, end } = run(works([0, 15], [10, 0], [20, 99], [99, 0]), pipeline)
    expect(end).toBe(error)
    expect(final.inFlight).toBe(0)
    expect(final.total).toMatchObject({
      elapsed: 30,
      records: 1,
      latency: 15,
      failed: 2,
      failureLatency: (20 + 10) / 2,
      abandoned: 0,
      errors: { TIMEOUT: 1 },
    })
  })

  it('passes an error of the source', () => {
    const error = new RangeError('source')
    const sources = merge(works([0, 50], [10, 5]), timer(20).pipe(mergeMap(() => throwError(() => error))))
    const { final, end } = run(sources, stay, { recordOf: output => output, ordered: false })
    expect(end).toBe(error)
    expect(final.total).toMatchObject({
      records: 1,
      failed: 1,
      failureLatency: 20,
      errors: { RangeError: 1 },
    })
  })

  it.each([
    ['a system error', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a string', 'broken', 'string'],
    ['nothing', undefined, 'undefined'],
    ['an object', {}, 'Error'],
    ['a name that objects have', Object.assign(new Error('x'), { code: '__proto__' }), '__proto__'],
  ])('counts %s by its code or name', (_, error, code) => {
    const { final } = run(
      throwError(() => error),
      stay,
    )
    expect(Object.entries(final.total.errors)).toEqual([[code, 1]])
  })

  it('is empty for an empty source', () => {
    const { snapshots, end } = run(EMPTY, stay)
    expect(end).toBe('complete')
    expect(snapshots).toHaveLength(1)
    expect(snapshots[0]!.total).toEqual({
      elapsed: 0,
      records: 0,
      throughput: Number.NaN,
      bytes: 0,
      bytesPerSecond: Number.NaN,
      latency: Number.NaN,
      percentiles: { p50: Number.NaN, p90: Number.NaN, p99: Number.NaN, p999: Number.NaN, max: Number.NaN },
      failed: 0,
      failureLatency: Number.NaN,
      abandoned: 0,
      errors: {},
      availability: Number.NaN,
    })
  })

  it('goes on reporting for a source that never emits', () => {
    const { snapshots, end } = run(NEVER, stay, { interval: 10, unsubscribeAt: 35 })
    expect(end).toBe(undefined)
    expect(snapshots.map(({ total }) => total.elapsed)).toEqual([10, 20, 30, 35])
    expect(snapshots.map(({ total }) => total.throughput)).toEqual([0, 0, 0, 0])
  })

  it('counts what is inside at an early unsubscribe as abandoned', () => {
    const { final, outputs } = run(works([0, 10], [5, 50], [20, 50]), stay, { unsubscribeAt: 30 })
    expect(outputs).toHaveLength(1)
    expect(final).toMatchObject({
      inFlight: 0,
      final: true,
      total: { elapsed: 30, records: 1, latency: 10, failed: 0, abandoned: 2, errors: {} },
    })
  })

  it('counts what is inside as abandoned where the pipeline completes before its source', () => {
    const { final, end } = run(works([0, 10], [5, 50], [20, 50]), pipe(stay, take(1)))
    expect(end).toBe('complete')
    expect(final.total).toMatchObject({ elapsed: 10, records: 1, abandoned: 1 })
  })
})
