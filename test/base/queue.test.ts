import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Queue } from '../../src/base/queue.ts'

/** What is done to a queue, and to the array that it is compared with. */
type Step = { readonly do: 'push' | 'shift' | 'take' | 'replace' | 'remove'; readonly count: number }

const steps = fc.array(
  fc.record({
    do: fc.constantFrom<Step['do']>('push', 'push', 'push', 'shift', 'shift', 'take', 'replace', 'remove'),
    count: fc.nat(20),
  }),
  { maxLength: 60 },
)

describe('Queue', () => {
  test('is an array of which the first is taken', () => {
    fc.assert(
      fc.property(steps, steps => {
        const queue = new Queue<number>()
        let model: number[] = []
        let next = 0
        for (const step of steps) {
          const count = Math.min(step.count, model.length)
          switch (step.do) {
            case 'push':
              for (let i = 0; i < step.count; i++) {
                queue.push(next)
                model.push(next++)
              }
              break
            case 'shift':
              for (let i = 0; i < step.count; i++) expect(queue.shift()).toBe(model.shift())
              break
            case 'take':
              expect(queue.take(count)).toEqual(model.splice(0, count))
              break
            case 'replace':
              if (count === model.length) break
              queue.replace(count, next)
              model[count] = next++
              break
            case 'remove': {
              const isOut = (item: number): boolean => item % (step.count + 1) === 0
              expect(queue.remove(isOut)).toEqual(model.filter(isOut))
              model = model.filter(item => !isOut(item))
            }
          }
          expect(queue.length).toBe(model.length)
          expect(queue.peek()).toBe(model[0])
          expect(Array.from({ length: model.length + 1 }, (_, i) => queue.at(i))).toEqual([
            ...model,
            undefined,
          ])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a million, in linear time and emptied again', () => {
    const queue = new Queue<number>()
    for (let i = 0; i < 1_000_000; i++) queue.push(i)
    // One goes and two come, which a ring that grew by one each time would not survive.
    for (let i = 0; i < 500_000; i++) {
      expect(queue.shift() === i).toBe(true)
      queue.push(1_000_000 + 2 * i)
      queue.push(1_000_001 + 2 * i)
    }
    let last = -1
    while (queue.length > 0) {
      const item = queue.shift()!
      if (item <= last) throw new Error(`${item} after ${last}`)
      last = item
    }
    expect(queue.shift()).toBeUndefined()
  })
})
