import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Inside, InsideByRecord, InsideInTurn } from '../../src/metrics/inside.ts'
import type { RecordMeter } from '../../src/metrics/meter.ts'

type Step = { readonly enter: number } | { readonly leave: number } | 'drain'

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ enter: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ leave: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.constant('drain' as const) },
  ),
  { maxLength: 60, size: 'max' },
)

/** What the queues do, in the plainest way: which of the entered end at each step, named by when they entered. */
function model(plan: readonly Step[], match: 'turn' | 'ordered' | 'unordered'): number[][] {
  let inside: { record: number; began: number }[] = []
  return plan.map((step, now) => {
    let ended: typeof inside = []
    if (step === 'drain') {
      ended = inside
      inside = []
    } else if ('enter' in step) {
      inside.push({ record: step.enter, began: now })
    } else {
      const at = match === 'turn' ? 0 : inside.findIndex(({ record }) => record === step.leave)
      if (at >= 0) ended = match === 'ordered' ? inside.splice(0, at + 1) : inside.splice(at, 1)
    }
    return ended.map(({ began }) => began)
  })
}

describe('the records inside', () => {
  it.each(['turn', 'ordered', 'unordered'] as const)('end as the model says: %s', match => {
    fc.assert(
      fc.property(steps, plan => {
        let ended: number[] = []
        const end = (began: number, bytes: number): void => {
          expect(bytes).toBe(began * 2)
          ended.push(began)
        }
        const meter = {
          processed: (began: number, _now: number, bytes: number) => end(began, bytes),
        } as RecordMeter
        const inside: Inside<number, number> =
          match === 'turn'
            ? new InsideInTurn(meter)
            : new InsideByRecord(meter, output => output, match === 'ordered')
        const actual = plan.map((step, now) => {
          ended = []
          if (step === 'drain') inside.drain(end)
          else if ('enter' in step) inside.enter(step.enter, now, now * 2)
          else inside.leave(step.leave, now)
          return ended
        })
        expect(actual).toEqual(model(plan, match))
      }),
    )
  })

  it('stay cheap when many are inside', () => {
    let ended = 0
    const meter = { processed: () => void ended++ } as unknown as RecordMeter
    const count = 300_000
    // All the same record, the worst for finding it: constant work each, or this would not end.
    for (const inside of [
      new InsideInTurn(meter),
      new InsideByRecord(meter, () => 1, true),
      new InsideByRecord(meter, () => 1, false),
    ] as Inside<number, number>[]) {
      for (let i = 0; i < count; i++) inside.enter(1, i, 0)
      for (let i = 0; i < count; i++) inside.leave(1, i)
    }
    expect(ended).toBe(3 * count)
  })
})
