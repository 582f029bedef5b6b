import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Watermark } from '../../src/operators/internal/timers/watermark.ts'

const NEVER = Number.NEGATIVE_INFINITY

describe('a watermark', () => {
  test('is the newest time less the lateness, and never goes back', () => {
    const mark = new Watermark({ lateness: 10, idleAfter: undefined, lanes: 1 }, undefined, 0)
    expect(mark.now).toBe(NEVER)
    mark.heard(100, 0, 1)
    mark.heard(95, 0, 2)
    expect(mark.now).toBe(90)
    mark.goOn(1_000_000)
    expect(mark.now).toBe(90)
    expect(mark.reaches(91)).toBe(Number.POSITIVE_INFINITY)
  })

  test('of several lanes is that of the one furthest behind', () => {
    const mark = new Watermark({ lateness: 0, idleAfter: undefined, lanes: 2 }, undefined, 0)
    mark.heard(100, 0, 1)
    expect(mark.now).toBe(NEVER)
    mark.heard(40, 1, 2)
    expect(mark.now).toBe(40)
    mark.heard(120, 1, 3)
    expect(mark.now).toBe(100)
  })

  test('does not wait for a lane that is idle, also one that never had a record', () => {
    const mark = new Watermark({ lateness: 0, idleAfter: 50, lanes: 2 }, undefined, 0)
    mark.heard(100, 0, 40)
    expect(mark.now).toBe(NEVER)
    expect(mark.reaches(100)).toBe(50)
    mark.goOn(49)
    expect(mark.now).toBe(NEVER)
    mark.goOn(50)
    expect(mark.now).toBe(100)
    mark.heard(60, 1, 60)
    expect(mark.now).toBe(100)
    mark.heard(130, 0, 61)
    expect(mark.now).toBe(100)
    mark.heard(120, 1, 62)
    expect(mark.now).toBe(120)
  })

  test('goes on with the clock where all is silent', () => {
    const mark = new Watermark({ lateness: 10, idleAfter: 50, lanes: 1 }, undefined, 0)
    mark.heard(1000, 0, 7)
    expect(mark.reaches(995)).toBe(57)
    expect(mark.reaches(1100)).toBe(117)
    mark.goOn(56)
    expect(mark.now).toBe(990)
    mark.goOn(57)
    expect(mark.now).toBe(1040)
    mark.goOn(117)
    expect(mark.now).toBe(1100)
  })

  test('goes on from where it was, after a restart', () => {
    const mark = new Watermark({ lateness: 10, idleAfter: 50, lanes: 1 }, { time: 500 }, 2000)
    expect(mark.now).toBe(500)
    mark.heard(400, 0, 2001)
    expect(mark.now).toBe(500)
    mark.goOn(2101)
    expect(mark.now).toBe(600)
  })

  test('of several lanes goes on as if there had been no restart', () => {
    const options = { lateness: 10, idleAfter: undefined, lanes: 2 }
    const before = new Watermark(options, undefined, 0)
    before.heard(100, 0, 1)
    expect(before.kept).toEqual({ time: undefined, lanes: [100, null] })
    before.heard(50, 1, 1)
    const after = new Watermark(options, before.kept, 0)
    expect(after.now).toBe(40)
    after.heard(80, 1, 1)
    expect(after.now).toBe(70)
  })

  test('says when it comes to a time', () => {
    const lane = fc.nat(1)
    const records = fc.array(fc.record({ time: fc.nat(100), lane, after: fc.nat(30) }), { maxLength: 8 })
    const idleAfter = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(records, fc.nat(20), idleAfter, fc.nat(300), (records, lateness, idleAfter, time) => {
        const made = (): { mark: Watermark; clock: number } => {
          const mark = new Watermark({ lateness, idleAfter, lanes: 2 }, { time: 0 }, 0)
          let clock = 0
          for (const { time, lane, after } of records) {
            clock += after
            mark.heard(time, lane, clock)
          }
          return { mark, clock }
        }
        const { mark, clock } = made()
        if (mark.now >= time) return
        const at = mark.reaches(time)
        expect(at).toBeGreaterThan(clock)
        mark.goOn(at - 1)
        expect(mark.now).toBeLessThan(time)
        mark.goOn(at)
        expect(mark.now).toBeGreaterThanOrEqual(time)
      }),
      { numRuns: 2000 },
    )
  })
})
