import {
  bufferCount,
  concatMap,
  delay,
  filter,
  map,
  merge,
  mergeMap,
  type OperatorFunction,
  of,
  pipe,
  timer,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { run, stay, type Work, works } from './virtual.ts'

describe('measure matches outputs to records', () => {
  it('counts what is filtered out as processed when it is passed over', () => {
    const pipeline = pipe(
      stay,
      filter<Work>(({ id }) => id === 2),
    )
    const { final } = run(works([0, 10], [5, 10], [10, 20], [40, 20]), pipeline, {
      recordOf: output => output,
    })
    // Records 0 and 1 end with record 2 at 30 ms, record 3 when the pipeline completes at 60 ms.
    expect(final.total.records).toBe(4)
    expect(final.total.latency).toBe((30 + 25 + 20 + 20) / 4)
  })

  it('ends a record that is multiplied with its first output', () => {
    const pipeline: OperatorFunction<Work, { work: Work; part: number }> = mergeMap(work =>
      of(1, 2, 3).pipe(concatMap(part => timer(work.stay).pipe(map(() => ({ work, part }))))),
    )
    const { final, outputs } = run(works([0, 10], [100, 20]), pipeline, { recordOf: ({ work }) => work })
    expect(outputs).toHaveLength(6)
    expect(final.total.records).toBe(2)
    expect(final.total.latency).toBe(15)
  })

  it('ends records that are gathered with the output that names the last', () => {
    const pipeline = bufferCount<Work>(3)
    const sources = works([0, 0], [10, 0], [20, 0], [40, 0])
    const { final } = run(sources, pipeline, { recordOf: output => output.at(-1) })
    expect(final.total.latency).toBe((20 + 10 + 0 + 0) / 4)
  })

  it('times each for itself where the pipeline reorders', () => {
    const sources = works([0, 50], [10, 10], [20, 15])
    const { final, outputs } = run(
      sources,
      pipe(
        stay,
        filter<Work>(({ id }) => id !== 2),
      ),
      {
        recordOf: output => output,
        ordered: false,
      },
    )
    expect(outputs.map(({ id }) => id)).toEqual([1, 0])
    // Record 2 is filtered out, which shows at the end only.
    expect(final.total.latency).toBe((10 + 50 + 30) / 3)
  })

  it('tells the same record twice inside apart by their order', () => {
    const sources = merge(...[0, 10, 25].map(at => timer(at).pipe(map(() => 'same'))))
    const { final } = run(sources, delay(30), { recordOf: output => output, ordered: false })
    expect(final.total).toMatchObject({ records: 3, latency: 30 })
  })

  it('lets outputs pass while no record is inside', () => {
    const pipeline: OperatorFunction<Work, unknown> = source => merge(of('hello'), source, timer(50))
    const { final, outputs } = run(works([10, 0]), pipeline)
    expect(outputs).toHaveLength(3)
    expect(final.total).toMatchObject({ records: 1, latency: 0 })
  })

  it('hurts nobody when bytesOf or recordOf throws or lies', () => {
    const sizes = [10, Number.NaN, -1, Number.POSITIVE_INFINITY, 20]
    const sources = works([0, 10], [10, 10], [20, 10], [30, 10], [40, 10], [50, 10])
    const { final, outputs, end } = run(sources, stay, {
      bytesOf: ({ id }) => {
        if (id === 5) throw new Error('bytesOf')
        return sizes[id]!
      },
      recordOf: output => {
        if (output.id === 3) throw new Error('recordOf')
        return output
      },
    })
    expect(outputs).toHaveLength(6)
    expect(end).toBe('complete')
    // Record 3 ends with record 4.
    expect(final.total).toMatchObject({ records: 6, bytes: 30, failed: 0, errors: { CALLBACK: 5 } })
    expect(final.total.latency).toBe(70 / 6)
  })
})
