import fc from 'fast-check'
import { arbitraries, explain, KVModel, type Operation, type Outcome, type Performed } from 'rxkeeper/testing'
import { describe, expect, test } from 'vitest'
import type { Entry } from '../../src/store/kv-store.ts'

const entry = (key: string, value: number, version: number): Entry<number> => ({ key, value, version })
const put = (value: number, version: number, store?: number): Performed<number> => ({
  operation: { type: 'put', key: 'a', value },
  outcome: { result: entry('a', value, version) },
  store,
})
const at = (begun: number, settled: number, performed: Performed<number>): Performed<number> => ({
  ...performed,
  time: { begun, settled },
})
const get = (value: number | undefined): Performed<number> => ({
  operation: { type: 'get', key: 'a' },
  outcome: { result: value },
})
const putBoth: Performed<number> = {
  operation: {
    type: 'putAll',
    entries: [
      ['a', 1],
      ['b', 1],
    ],
  },
  outcome: { result: [entry('a', 1, 0), entry('b', 1, 0)] },
  store: 0,
}
const deleteBoth = (existed: number): Performed<number> => ({
  operation: { type: 'deleteAll', keys: ['a', 'b', 'a'] },
  outcome: { result: existed },
  store: 1,
})
const increment = (value: number, version: number): Performed<number> => ({
  operation: { type: 'update', key: 'a', next: (count = 0) => count + 1 },
  outcome: { result: entry('a', value, version) },
})

describe('explain finds an order', () => {
  test.each<[what: string, performed: Performed<number>[], after: Entry<number>[]]>([
    ['nothing done', [], []],
    ['writes in order', [put(1, 0), put(2, 1)], [entry('a', 2, 1)]],
    ['a read that comes later than a write asked for after it', [get(1), put(1, 0)], [entry('a', 1, 0)]],
    ['an update that comes after a put asked for after it', [increment(6, 1), put(5, 0)], [entry('a', 6, 1)]],
    ['reads under way together in any order', [get(1), get(undefined), put(1, 0)], [entry('a', 1, 0)]],
    ['two stores in any order', [put(1, 1, 0), put(2, 0, 1)], [entry('a', 1, 1)]],
    [
      'a read of several keys that is no snapshot',
      [
        { operation: { type: 'getAll', keys: ['a', 'b'] }, outcome: { result: [['b', 1]] } },
        {
          operation: {
            type: 'putAll',
            entries: [
              ['a', 1],
              ['b', 1],
            ],
          },
          outcome: { result: [entry('a', 1, 0), entry('b', 1, 0)] },
        },
      ],
      [entry('a', 1, 0), entry('b', 1, 0)],
    ],
    [
      'a deletion of several keys on both sides of a transaction',
      [putBoth, deleteBoth(1)],
      [entry('a', 1, 0)],
    ],
    ['a deletion of several keys', [putBoth, deleteBoth(2)], []],
  ])('%s', (_, performed, after) => {
    expect(explain([], performed, after)).toBeDefined()
  })
})

describe('explain finds no order', () => {
  test.each<[what: string, performed: Performed<number>[], after: Entry<number>[]]>([
    ['a lost write', [put(1, 0), put(2, 1)], [entry('a', 1, 0)]],
    ['writes of one store out of order', [put(1, 1), put(2, 0)], [entry('a', 1, 1)]],
    ['a lost update', [increment(1, 0), increment(1, 0)], [entry('a', 1, 0)]],
    ['a read that misses a write asked for before it', [put(1, 0), get(undefined)], [entry('a', 1, 0)]],
    [
      'a read that goes back',
      [at(1, 3, get(1)), at(2, 4, put(1, 0)), at(5, 6, get(undefined))],
      [entry('a', 1, 0)],
    ],
    [
      'a store that misses what another was told',
      [at(1, 2, put(1, 0, 0)), at(3, 4, put(2, 0, 1))],
      [entry('a', 2, 0)],
    ],
    ['a value from nowhere', [get(1)], []],
    ['a version from nowhere', [put(1, 3)], [entry('a', 1, 3)]],
    ['an entry that nobody wrote', [], [entry('a', 1, 0)]],
    [
      'a conflict where there was none',
      [
        {
          operation: { type: 'put', key: 'a', value: 1, ifVersion: 'absent' },
          outcome: { error: 'VERSION_CONFLICT' },
        },
      ],
      [],
    ],
    [
      'half a transaction',
      [
        {
          operation: {
            type: 'putAll',
            entries: [
              ['a', 1],
              ['b', 1],
            ],
          },
          outcome: { result: [entry('a', 1, 0), entry('b', 1, 0)] },
        },
      ],
      [entry('a', 1, 0)],
    ],
    ['a deletion that counts too many', [putBoth, deleteBoth(2)], [entry('a', 1, 0)]],
    ['a deletion that counts too few', [putBoth, deleteBoth(1)], []],
  ])('%s', (_, performed, after) => {
    expect(explain([], performed, after)).toBeUndefined()
  })
})

/** Carries out `operations` on a model in an order that respects the order per key. */
function performed(operations: Operation<number>[]): [Performed<number>[], Entry<number>[]] {
  const model = new KVModel<number>()
  return [operations.map(operation => ({ operation, outcome: model.perform(operation) })), model.entries()]
}

const operations = arbitraries(fc).operations(fc.nat(3), {
  types: ['get', 'entry', 'getAll', 'put', 'putAll', 'delete', 'deleteAll', 'update', 'transact'],
  maxLength: 8,
})

test('explain explains whatever a model did one after the other', () => {
  fc.assert(
    fc.property(operations, sequence => {
      const [history, after] = performed(sequence)
      expect(explain([], history, after)).toBeDefined()
    }),
  )
})

test('explain does not explain an outcome that no operation has', () => {
  fc.assert(
    fc.property(operations, fc.nat(), (sequence, which) => {
      const [history, after] = performed(sequence)
      fc.pre(history.length > 0)
      const wrong: Outcome = { error: 'TIMEOUT' }
      const index = which % history.length
      const falsified = history.map((step, i) => (i === index ? { ...step, outcome: wrong } : step))
      expect(explain([], falsified, after)).toBeUndefined()
    }),
  )
})
