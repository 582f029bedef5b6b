import { map, type OperatorFunction, pipe, Subject } from 'rxjs'
import { KVError } from '../../../src/base/errors.ts'
import { deleteKV } from '../../../src/operators/deleteKV.ts'
import { historyKV } from '../../../src/operators/historyKV.ts'
import { lookupKV } from '../../../src/operators/lookupKV.ts'
import { perKey } from '../../../src/operators/perKey.ts'
import { processKV } from '../../../src/operators/processKV.ts'
import { type Sessions, sessionKV } from '../../../src/operators/sessionKV.ts'
import { updateKV } from '../../../src/operators/updateKV.ts'
import { upsertKV } from '../../../src/operators/upsertKV.ts'
import { type Window, windowKV } from '../../../src/operators/windowKV.ts'
import type { KVStore } from '../../../src/store/kv-store.ts'
import type { ObservedStore, Pipeline } from './observed.ts'
import type { Operator, Step, Value } from './plan.ts'
import type { Running } from './running.ts'

interface Numbered {
  readonly index: number
  readonly key: string
}

/** The operator, from records to their numbers. */
function operatorOf(
  operator: Operator,
  id: string,
  store: KVStore<Value>,
  options: { readonly concurrency?: number },
): OperatorFunction<Numbered, number> {
  const keyOf = ({ key }: Numbered) => key
  const count = ({ index }: Numbered, current: Value | undefined): Value => {
    const n = (current?.n ?? 0) + 1
    return { by: `${id}#${index}:${n}`, n }
  }
  const first = map(([record]: readonly [Numbered, ...unknown[]]) => record.index)
  const index = map((record: Numbered) => record.index)
  // Records that happen one after the other, a second apart.
  const timeOf = (record: Numbered) => record.index * 1000
  const ofKind = (kind: string) => (record: Numbered) => `${kind}:${record.key}`
  switch (operator) {
    case 'lookupKV':
      return pipe(lookupKV(store, keyOf, options), first)
    case 'upsertKV':
      return pipe(
        upsertKV(store, (record: Numbered) => [record.key, { by: `${id}#${record.index}`, n: 0 }], options),
        index,
      )
    case 'deleteKV':
      return pipe(deleteKV(store, keyOf, options), index)
    case 'updateKV':
      return pipe(updateKV(store, keyOf, count, options), first)
    case 'processKV':
      return pipe(processKV(store, keyOf, count, { commitSize: options.concurrency }), first)
    case 'perKey':
      return perKey(ofKind(id), records =>
        records.pipe(
          lookupKV(store, ofKind(id)),
          map(([record, current]) => [record, count(record, current)] as const),
          upsertKV(store, ([record, value]) => [ofKind(id)(record), value]),
          first,
        ),
      )
    case 'windowKV':
      return pipe(
        windowKV(
          store as unknown as KVStore<Window<number>>,
          ofKind('window'),
          (_, current = 0) => current + 1,
          {
            timeOf,
            size: 5000,
            commitSize: options.concurrency,
          },
        ),
        first,
      )
    case 'sessionKV':
      return pipe(
        sessionKV(
          store as unknown as KVStore<Sessions<number>>,
          ofKind('session'),
          (_, current = 0) => current + 1,
          { timeOf, gap: 1500, commitSize: options.concurrency },
        ),
        first,
      )
    case 'historyKV':
      return pipe(
        historyKV<Numbered>(store as never, ofKind('history'), {
          keep: 5,
          commitSize: options.concurrency,
        }),
        map(([record]) => record.index),
      )
  }
}

/** Feeds records through an operator and keeps what comes out. */
export function runPipeline(
  run: Running,
  store: ObservedStore,
  step: Step & { readonly do: 'pipeline' },
): void {
  const { id, operator, records, concurrency } = step
  const pipeline: Pipeline = {
    id,
    store,
    operator,
    records,
    fed: 0,
    outputs: [],
    ended: undefined,
    unsubscribed: false,
  }
  run.pipelines.push(pipeline)
  const source = new Subject<Numbered>()
  const subscription = source
    .pipe(operatorOf(operator, id, store.store, concurrency === undefined ? {} : { concurrency }))
    .subscribe({
      next: index => {
        pipeline.outputs.push(index)
        run.output(pipeline)
      },
      error: error => {
        pipeline.ended = error instanceof KVError ? error : new KVError('ENGINE', String(error))
        store.subscriptions.delete(subscription)
        run.pipelineEnded(pipeline)
      },
      complete: () => {
        pipeline.ended = 'completed'
        store.subscriptions.delete(subscription)
        run.pipelineEnded(pipeline)
      },
    })
  store.subscriptions.add(subscription)
  subscription.add(() => {
    if (pipeline.ended === undefined) pipeline.unsubscribed = true
  })
  const feed = (): void => {
    const record = records[pipeline.fed]
    if (record === undefined) {
      source.complete()
      return
    }
    if (pipeline.ended !== undefined || pipeline.unsubscribed) return
    const index = pipeline.fed++
    source.next({ index, key: record.key })
    const next = records[pipeline.fed]
    if (next?.after === 0) feed()
    else store.party.after(next?.after ?? 0, feed)
  }
  feed()
  if (step.lasts !== undefined) store.party.after(step.lasts, () => subscription.unsubscribe())
}
