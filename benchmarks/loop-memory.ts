import { concatMap, from, groupBy, map, mergeMap, Observable, type OperatorFunction } from 'rxjs'
import { json, memoryStore, processKV, pull$ } from 'rxkeeper'
import { counted } from './contenders/ours.ts'
import type { Question, Task } from './runner/question.ts'
import { add, type Item, randomItems, type Sum } from './runner/records.ts'

const RECORDS = 40_000
const KEYS = 2000
const items = randomItems(RECORDS, KEYS)

const ours =
  (options: { remember?: number } = {}) =>
  async (): Promise<Task> => {
    const store = memoryStore({ value: json<Sum>() })
    return {
      pass: () => counted(pull$(items).pipe(processKV(store, item => item.key, add, options))),
      close: () => store.close(),
    }
  }

/** Emits in a later turn, as the answer of a store does. */
const later$ = <R>(work: () => R): Observable<R> =>
  new Observable(subscriber => {
    queueMicrotask(() => {
      subscriber.next(work())
      subscriber.complete()
    })
  })

const at$ = <R>(work: () => R): Observable<R> =>
  new Observable(subscriber => {
    subscriber.next(work())
    subscriber.complete()
  })

/** The loop in RxJS's own operators: a group a key, in each group one record after the other. */
function grouped(call$: <R>(work: () => R) => Observable<R>): OperatorFunction<Item, unknown> {
  const state = new Map<string, Sum>()
  return items$ =>
    items$.pipe(
      groupBy(item => item.key),
      mergeMap(group$ =>
        group$.pipe(
          concatMap(item =>
            call$(() => state.get(item.key)).pipe(
              map(sum => add(item, sum)),
              concatMap(sum =>
                call$(() => {
                  state.set(item.key, sum)
                  return [item, sum]
                }),
              ),
            ),
          ),
        ),
      ),
    )
}

const overMap = (call$: <R>(work: () => R) => Observable<R>) => async (): Promise<Task> => {
  const loop = grouped(call$)
  return { pass: () => counted(from(items).pipe(loop)) }
}

/** No Observable a record: what the work itself costs. */
async function pump(): Promise<Task> {
  const state = new Map<string, Sum>()
  return {
    async pass() {
      for (const item of items) {
        state.set(item.key, add(item, state.get(item.key)))
      }
      return items.length
    },
  }
}

export const loopMemory: Question = {
  name: 'loop-memory',
  about: 'What does the process loop itself cost, without a server?',
  comparisons: [
    {
      name: 'loop-memory',
      title: 'The process loop on memoryStore: 40,000 records over 2,000 keys',
      unit: 'records/s',
      server: 'none',
      contenders: [
        { name: 'rxkeeper/processKV', run: ours() },
        { name: 'rxkeeper/remember', run: ours({ remember: KEYS }) },
        { name: 'rxjs-map', run: overMap(at$) },
        { name: 'rxjs-map-async', run: overMap(later$) },
        { name: 'map', run: pump },
      ],
      targets: { 'rxkeeper/processKV:rxjs-map': 5 },
    },
  ],
  headlines: ['loop-memory'],
}
