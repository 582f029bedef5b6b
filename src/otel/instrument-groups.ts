import { type Attributes, type BatchObservableResult, metrics } from '@opentelemetry/api'
import type { AnyStore } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'
import { type InstrumentOptions, SCOPE } from './options.ts'

/**
 * Publishes metrics of the groups that this process has joined on a store (`ownPartitions$`, jobs on partitioned
 * inputs) through OpenTelemetry, until disposed:
 *
 * - `rxkeeper.group.partitions.owned` (up-down counter, `{partition}`): the partitions that it owns;
 * - `rxkeeper.group.partitions.moves` (counter, `{partition}`): partitions `gained`, `released` in good order, or
 *   `lost`, by `rxkeeper.group.move`;
 * - `rxkeeper.group.commits.fenced` (counter, `{commit}`): commits that found another owner, or could not tell;
 * - `rxkeeper.group.commits.in_flight` (up-down counter, `{commit}`): commits of owned partitions in flight;
 * - `rxkeeper.group.lag` (gauge): how much of each owned partition is left to process, where the input knows, with
 *   `messaging.destination.partition.id` and the input's unit in `rxkeeper.group.lag.unit`.
 *
 * All carry `messaging.consumer.group.name`. `UNSUPPORTED` for a store that `kvStore` did not make.
 *
 * @example
 * ```ts
 * import { of } from 'rxjs'
 * import { json, memoryStore, ownPartitions$ } from 'rxkeeper'
 * import { instrumentGroups } from 'rxkeeper/otel'
 *
 * await using store = memoryStore({ value: json<number>() })
 * using _ = instrumentGroups(store)
 * ownPartitions$(store, { group: 'orders', partitions$: of(['0']) }).subscribe()
 * ```
 */
export function instrumentGroups(store: AnyStore, options: InstrumentOptions = {}): Disposable {
  const { groups } = observedOf(store)
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE)
  const owned = meter.createObservableUpDownCounter('rxkeeper.group.partitions.owned', {
    description: 'Partitions that this process owns.',
    unit: '{partition}',
  })
  const moves = meter.createObservableCounter('rxkeeper.group.partitions.moves', {
    description: 'Partitions that this process has gained, released and lost.',
    unit: '{partition}',
  })
  const fenced = meter.createObservableCounter('rxkeeper.group.commits.fenced', {
    description: 'Commits that found their partition to be of another process.',
    unit: '{commit}',
  })
  const inFlight = meter.createObservableUpDownCounter('rxkeeper.group.commits.in_flight', {
    description: 'Commits of owned partitions that are under way.',
    unit: '{commit}',
  })
  const lag = meter.createObservableGauge('rxkeeper.group.lag', {
    description: 'How much of an owned partition is left to do.',
  })
  const instruments = [owned, moves, fenced, inFlight, lag]
  const observe = (result: BatchObservableResult): void => {
    for (const [group, tally] of groups) {
      const of: Attributes = { 'messaging.consumer.group.name': group, ...options.attributes }
      result.observe(owned, tally.owned.size, of)
      for (const move of ['gained', 'released', 'lost'] as const) {
        result.observe(moves, tally[move], { ...of, 'rxkeeper.group.move': move })
      }
      result.observe(fenced, tally.fenced, of)
      let underWay = 0
      for (const fence of tally.owned.values()) underWay += fence.underWay
      result.observe(inFlight, underWay, of)
      for (const [partition, { amount, unit }] of Object.entries(tally.lags)) {
        result.observe(lag, amount, {
          ...of,
          'messaging.destination.partition.id': partition,
          'rxkeeper.group.lag.unit': unit,
        })
      }
    }
  }
  meter.addBatchObservableCallback(observe, instruments)
  return { [Symbol.dispose]: () => meter.removeBatchObservableCallback(observe, instruments) }
}
