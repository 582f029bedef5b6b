import assert from 'node:assert/strict'
import type FastCheck from 'fast-check'
import { json } from '../../codecs.ts'
import type { Entry, KVStore } from '../../store/kv-store.ts'
import { arbitraries } from '../arbitraries.ts'
import { explain, type Performed } from '../explain.ts'
import { KVModel } from '../model.ts'
import { type Operation, performOperation } from '../operations.ts'
import { all, isEqual, nextTurn, one, Recorder } from './assertions.ts'
import { fold } from './following.ts'
import type { Suite } from './place.ts'

type Value = FastCheck.JsonValue

/** Removes everything, so that a run starts as on a new store, even after a failed one. */
async function clear(store: KVStore<Value>): Promise<void> {
  await Promise.all((await all(store.keys$())).map(key => one(store.delete$(key))))
}

const contentOf = (entries: readonly Entry<Value>[]): Map<string, { value: Value; version: number }> =>
  new Map(entries.map(({ key, value, version }) => [key, { value, version }]))

type Types = readonly Operation<Value>['type'][]

const READS: Types = ['get', 'entry', 'getAll', 'entryAll']
const WRITES: Types = ['put', 'putAll', 'delete', 'deleteAll', 'update', 'transact']

/**
 * The types tried together. Updates and deletes are not: an update is conditional on a version, and a key that is
 * deleted and recreated meanwhile may have that version again.
 */
const TOGETHER: Record<string, Types> = {
  'puts, deletes, transactions': WRITES.filter(type => type !== 'update'),
  'puts, updates, transactions': ['put', 'putAll', 'update', 'update', 'transact'],
}

/** The operation, without those writes of a transaction that cannot share one with the first. */
function keepTogether<V>(
  operation: Operation<V>,
  mayShare: (one: string, other: string) => boolean,
): Operation<V> {
  if (operation.type === 'putAll') {
    const { entries } = operation
    return { ...operation, entries: entries.filter(([key]) => mayShare(entries[0]![0], key)) }
  }
  if (operation.type === 'deleteAll') {
    const { keys } = operation
    return { ...operation, keys: keys.filter(key => mayShare(keys[0]!, key)) }
  }
  if (operation.type !== 'transact') return operation
  const { writes } = operation
  return { ...operation, writes: writes.filter(({ key }) => mayShare(writes[0]!.key, key)) }
}

/** The most operations in a schedule. */
const LENGTH = 9

/** When the next operation of a schedule is called. */
type Pause = 'at once' | 'next turn' | 'when all are settled'

interface Step {
  readonly operation: Operation<Value>
  readonly pause: Pause
  readonly store: number
}

/** Carries out a schedule; some order must explain the outcomes of concurrent operations. */
async function performSchedule(stores: readonly KVStore<Value>[], steps: readonly Step[]): Promise<void> {
  let clock = 0
  let before: Entry<Value>[] = []
  let underWay: Promise<Performed<Value>>[] = []
  const perform = async ({ operation, store }: Step): Promise<Performed<Value>> => {
    const begun = ++clock
    const outcome = await performOperation(stores[store]!, operation)
    return { operation, outcome, store, time: { begun, settled: ++clock } }
  }
  const settle = async (): Promise<void> => {
    const performed = await Promise.all(underWay)
    underWay = []
    const after = await all(stores[0]!.entries$())
    if (explain(before, performed, after) === undefined) {
      assert.fail(`no order explains this:\n${JSON.stringify({ before, performed, after }, undefined, 2)}`)
    }
    before = after
  }
  for (const step of steps) {
    underWay.push(perform(step))
    if (step.pause === 'next turn') await nextTurn()
    else if (step.pause === 'when all are settled') await settle()
  }
  await settle()
}

/** Random sequences and schedules of operations, checked against the model. */
export function properties({ it, capabilities }: Suite, fc: typeof FastCheck, numRuns: number): void {
  const { operations: anyOperations, value } = arbitraries(fc)
  const { mayShare = () => true } = capabilities
  const operations: typeof anyOperations = (values, options) =>
    anyOperations(values, options).map(chosen => chosen.map(operation => keepTogether(operation, mayShare)))
  const values = fc.oneof({ weight: 3, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: value() })
  const pauses = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Pause>('at once') },
    { weight: 2, arbitrary: fc.constant<Pause>('next turn') },
    { weight: 1, arbitrary: fc.constant<Pause>('when all are settled') },
  )
  const exactly = { minLength: LENGTH, maxLength: LENGTH }
  const schedule = (stores: number, types: Types) =>
    fc
      .tuple(
        operations(values, { types, keys: 3, maxLength: LENGTH }),
        fc.array(pauses, exactly),
        fc.array(fc.nat(stores - 1), exactly),
      )
      .map(([chosen, pause, store]): Step[] =>
        chosen.map((operation, i) => ({ operation, pause: pause[i]!, store: store[i]! })),
      )
  it('any operations, one after the other, do what the model does', async stores => {
    const store = await stores.open(json<Value>())
    await fc.assert(
      fc.asyncProperty(operations(values), async sequence => {
        await clear(store)
        const model = new KVModel<Value>()
        for (const operation of sequence) {
          assert.deepEqual(await performOperation(store, operation), model.perform(operation))
        }
        assert.deepEqual(await all(store.entries$()), model.entries())
      }),
      { numRuns },
    )
  })

  for (const [what, types] of Object.entries(TOGETHER)) {
    it(`operations under way together are explained by the order in which they were asked for: ${what}`, async stores => {
      const store = await stores.open(json<Value>())
      await fc.assert(
        fc.asyncProperty(schedule(1, [...types, ...READS]), async steps => {
          await clear(store)
          await performSchedule([store], steps)
        }),
        { numRuns },
      )
    })
  }

  it('watch and changes end on the content, whatever is written', async stores => {
    const store = await stores.open(json<Value>())
    await fc.assert(
      fc.asyncProperty(schedule(1, WRITES), async steps => {
        await clear(store)
        using changes = new Recorder(store.changes$())
        using watch = new Recorder(store.watch$('a'))
        await Promise.all(
          steps.map(async ({ operation }) => {
            await performOperation(store, operation)
          }),
        )
        const content = contentOf(await all(store.entries$()))
        await changes.until(
          ({ values: seen }) => seen.some(({ type }) => type === 'synced') && isEqual(fold(seen), content),
          `what adds up to ${JSON.stringify([...content])}`,
        )
        await watch.until(
          ({ values: seen }) => seen.length > 0 && isEqual(seen.at(-1), content.get('a')?.value),
          `the value ${JSON.stringify(content.get('a')?.value)}`,
        )
      }),
      { numRuns },
    )
  })

  if (!capabilities.shared) return

  for (const [what, types] of Object.entries(TOGETHER)) {
    it(`operations of two stores under way together are explained by some order: ${what}`, async stores => {
      const pair = [await stores.open(json<Value>()), await stores.open(json<Value>())]
      await fc.assert(
        fc.asyncProperty(schedule(2, types), async steps => {
          await clear(pair[0]!)
          await performSchedule(pair, steps)
        }),
        { numRuns },
      )
    })
  }
}
