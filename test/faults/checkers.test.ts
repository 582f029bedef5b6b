import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Action, Operation, State } from './support/history.ts'
import { applied, findViolation, IMPOSSIBLE } from './support/linearizable.ts'
import { byVersion, findMiscount, findStaleView, findStepBack } from './support/order.ts'

/*
 * The fault suite is worth what its checkers are: they are tried on histories that are right, and on histories that are
 * wrong.
 */

const NEVER = Number.POSITIVE_INFINITY

const op = (client: string, begun: number, ended: number, action: Action): Operation => ({
  client,
  action,
  begun,
  ended,
})
const read = (value?: string, version = 0): Action => ({
  type: 'read',
  found: value === undefined ? undefined : { value, version },
})

/** The definition: some order of all that took effect explains every answer. Tries every order. */
function isLinearizable(history: readonly Operation[]): boolean {
  const steps = history.flatMap(operation => {
    if (!operation.repeated) return [operation]
    const action = { ...operation.action, version: undefined, existed: undefined } as unknown as Action
    return [operation, { ...operation, action, optional: true }]
  })
  const isOptional = (step: Operation): boolean => step.ended === NEVER || 'optional' in step
  const search = (state: State, left: readonly Operation[]): boolean => {
    if (left.every(isOptional)) return true
    const firstEnd = Math.min(...left.map(step => ('optional' in step ? NEVER : step.ended)))
    return left.some(step => {
      if (step.begun > firstEnd) return false
      const after = applied(step.action, state)
      // What is left out of the order and has an end can not come in later.
      const rest = left.filter(other => other !== step)
      return (
        after !== IMPOSSIBLE &&
        search(
          after,
          rest.filter(other => !('optional' in other) || lives(other, rest)),
        )
      )
    })
  }
  const lives = (ghost: Operation, rest: readonly Operation[]): boolean =>
    ghost.ended === NEVER || rest.some(other => other.ended === ghost.ended && !('optional' in other))
  return search(undefined, steps)
}

/** What clients do: attempts without answers. */
const attempt = fc.record({
  type: fc.constantFrom('read', 'put', 'put if', 'create', 'delete', 'delete if', 'update'),
  client: fc.constantFrom('a', 'b', 'c'),
  /** The condition, relative to the version there is. */
  skew: fc.constantFrom(0, 0, 0, 1),
  before: fc.nat(6),
  after: fc.nat(6),
  fate: fc.constantFrom('answered', 'answered', 'answered', 'lost', 'never came'),
})

/** A history as a right store makes it: each attempt takes effect at one moment. */
const right = (most: number): fc.Arbitrary<Operation[]> =>
  fc.array(attempt, { maxLength: most }).map(attempts => {
    let state: State
    return attempts.map(({ type, client, skew, before, after, fate }, i): Operation => {
      const value = `v${i}`
      const version = (state?.version ?? 0) + skew
      const kinds: Record<string, Action> = {
        read: { type: 'read', found: state },
        put: { type: 'put', value },
        'put if': { type: 'put', value, ifVersion: version },
        create: { type: 'put', value, ifVersion: 'absent' },
        delete: { type: 'delete', existed: state !== undefined },
        'delete if': { type: 'delete', ifVersion: version, existed: true },
        update: { type: 'update', from: state?.value, value: skew === 1 ? undefined : value },
      }
      let action = kinds[type]!
      if (fate !== 'never came') {
        const next = applied(action, state)
        if (next === IMPOSSIBLE) {
          action = { type: 'conflict', ifVersion: (action as { ifVersion: number | 'absent' }).ifVersion }
        } else {
          state = next
          if (fate === 'answered' && state !== undefined && 'value' in action) {
            action = { ...action, version: state.version } as Action
          }
        }
      }
      // Beginnings are odd and ends even: there are no two things at a time.
      const at = 20 * i
      // Nobody has told whether it was there.
      if (fate !== 'answered' && action.type === 'delete') action = { ...action, existed: undefined }
      return op(client, at - 6 * before - 1, fate === 'answered' ? at + 6 * after + 2 : NEVER, action)
    })
  })

/** A history in which something was changed, which may be wrong now. */
const changed: fc.Arbitrary<Operation[]> = fc
  .tuple(right(6), fc.nat(), fc.nat(), fc.constantFrom('answer', 'value', 'time', 'drop', 'repeat'))
  .map(([history, which, other, change]) => {
    const at = which % (history.length || 1)
    const target = history[at]
    if (target === undefined) return history
    const { action } = target
    const copy = [...history]
    if (change === 'drop') copy.splice(at, 1)
    else if (change === 'time') copy[at] = { ...target, begun: target.begun + 36, ended: target.ended + 36 }
    else if (change === 'repeat')
      copy[at] = { ...target, repeated: action.type === 'put' || action.type === 'delete' ? 1 : 0 }
    else if (change === 'answer' && 'version' in action && action.version !== undefined) {
      copy[at] = { ...target, action: { ...action, version: (action.version + 1 + other) % 3 } }
    } else if (action.type === 'read') {
      copy[at] = { ...target, action: read(`v${other % history.length}`, other % 3) }
    }
    return copy
  })

describe('the check for linearizability', () => {
  it('accepts what a right store answers', () => {
    fc.assert(
      fc.property(right(40), history => {
        expect(findViolation(history)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })

  it('says the same as a search of all orders, on histories that are right and that are wrong', () => {
    let wrong = 0
    fc.assert(
      fc.property(changed, history => {
        const expected = isLinearizable(history)
        if (!expected) wrong++
        expect(findViolation(history) === undefined).toBe(expected)
      }),
      { numRuns: 3000 },
    )
    expect(wrong).toBeGreaterThan(100)
  })

  const wrongs: Record<string, Operation[]> = {
    'a lost update': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('a', 3, 4, { type: 'put', value: 'y', version: 1 }),
      op('b', 5, 6, read('x', 0)),
    ],
    'a write that was said to have failed and is seen': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('a', 3, 4, { type: 'conflict', ifVersion: 0 }),
    ],
    'two writers who both won': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('a', 3, 6, { type: 'put', value: 'y', ifVersion: 0, version: 1 }),
      op('b', 4, 5, { type: 'put', value: 'z', ifVersion: 0, version: 1 }),
    ],
    'a read from before a write that was acknowledged': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('b', 3, 4, read()),
    ],
    'an update computed on a value that was overwritten': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('a', 3, 4, { type: 'put', value: 'y', version: 1 }),
      op('b', 3, 8, { type: 'update', from: 'x', value: 'z', version: 2 }),
    ],
    'a deleted key that is still there': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('a', 3, 4, { type: 'delete', existed: true }),
      op('b', 5, 6, read('x', 0)),
    ],
    'a conditional write of unknown outcome that took effect twice': [
      op('a', 1, 2, { type: 'put', value: 'x', version: 0 }),
      op('a', 3, NEVER, { type: 'put', value: 'y', ifVersion: 0 }),
      op('b', 4, 5, read('y', 1)),
      op('b', 6, 7, { type: 'put', value: 'z', version: 2 }),
      op('b', 8, 9, read('y', 3)),
    ],
  }
  for (const [what, history] of Object.entries(wrongs)) {
    it(`refuses ${what}`, () => expect(findViolation(history)).toBeTypeOf('string'))
  }

  it('accepts an unknown outcome that shows late, and one that never does', () => {
    const unknown = op('a', 1, NEVER, { type: 'put', value: 'x', ifVersion: 'absent' })
    expect(findViolation([unknown, op('b', 5, 6, read()), op('b', 8, 9, read('x', 0))])).toBeUndefined()
    expect(findViolation([unknown, op('b', 5, 6, read())])).toBeUndefined()
  })

  it('accepts an unconditional write that was sent twice, only while it is under way', () => {
    const twice = { ...op('a', 1, 10, { type: 'put', value: 'x', version: 2 }), repeated: 1 }
    const between = op('b', 3, 6, { type: 'put', value: 'y', version: 1 })
    const seen = [op('c', 2, 5, read('x', 0)), op('c', 11, 12, read('x', 2))]
    expect(findViolation([twice, between, ...seen])).toBeUndefined()
    const late = op('b', 20, 21, { type: 'put', value: 'z', version: 4 })
    expect(findViolation([twice, between, ...seen, late])).toBeTypeOf('string')
  })

  it('decides about four writes that were under way together and sent six times each, while a server was down', () => {
    const writes = ['w', 'x', 'y', 'z'].map((value, i) => ({
      ...op(value, 1 + i, 10 + i, { type: 'put', value, version: 1 + i }),
      repeated: 5,
    }))
    const created = op('a', 0, 0.5, { type: 'put', value: 'a', version: 0 })
    expect(findViolation([created, ...writes, op('b', 20, 21, read('z', 4))])).toBeUndefined()
    expect(findViolation([created, ...writes, op('b', 20, 21, read('x', 5))])).toBeTypeOf('string')
  })
})

describe('the check of what was seen', () => {
  it('accepts every way through the commits that leaves some out', () => {
    const committed = fc
      .array(fc.option(fc.constant('?'), { nil: undefined }))
      .map(marks => marks.map((mark, i) => mark && `v${i}`))
    fc.assert(
      fc.property(committed, fc.infiniteStream(fc.boolean()), (values, keep) => {
        const observed = values.filter(() => keep.next().value)
        expect(findStepBack(observed, values)).toBeUndefined()
      }),
    )
  })

  it('refuses each step back', () => {
    const committed = Array.from({ length: 20 }, (_, i) => `v${i}`)
    fc.assert(
      fc.property(fc.nat(19), fc.nat(19), (a, b) => {
        fc.pre(a > b)
        expect(findStepBack([`v${a}`, `v${b}`], committed)).toContain(`v${b}`)
      }),
    )
    expect(findStepBack(['a', undefined, 'a'], [undefined, 'a', undefined, 'b'])).toBeTypeOf('string')
    expect(findStepBack(['x'], ['a'])).toBe('x was seen and never written')
  })

  it('refuses a version with two values, and a value with two versions', () => {
    expect(byVersion([op('a', 1, 2, read('x', 0)), op('a', 3, 4, read('y', 1))])).toEqual(['x', 'y'])
    expect(() => byVersion([op('a', 1, 2, read('x', 0)), op('a', 3, 4, read('y', 0))])).toThrow('version 0')
    expect(() => byVersion([op('a', 1, 2, read('x', 0)), op('a', 3, 4, read('x', 1))])).toThrow(
      'both version',
    )
  })

  it('finds a client that went back, or did not see its own write', () => {
    const own = op('a', 1, 2, { type: 'put', value: 'x', version: 3 })
    expect(findStaleView([own, op('a', 3, 4, read('w', 2))])).toContain('a went back')
    expect(findStaleView([own, op('a', 3, 4, read())])).toContain('a went back')
    // Asked for before the write was answered, or by another client.
    expect(findStaleView([own, op('a', 1, 4, read('w', 2)), op('b', 3, 4, read('w', 2))])).toBeUndefined()
  })

  it('counts acknowledged increments once, unknown ones at most once', () => {
    expect(findMiscount(5, 5, 0)).toBeUndefined()
    expect(findMiscount(6, 5, 1)).toBeUndefined()
    expect(findMiscount(4, 5, 1)).toContain('lost')
    expect(findMiscount(7, 5, 1)).toContain('too many')
  })
})
