import type { Attributes, BatchObservableResult, Counter, Histogram, Meter } from '@opentelemetry/api'
import type { Unsubscribable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { ConnectionState } from '../contract/engine.ts'
import { share } from '../metrics/rates.ts'
import type { EngineCall, EngineResult, Observed } from '../store/observed-engine.ts'
import { rowsOf, sizeOf } from './operations.ts'
import type { StatusWatch } from './watch-status.ts'

const STATES: readonly ConnectionState[] = ['connected', 'suspended', 'lost', 'closed']

/** The instruments of a store. */
export class StoreInstruments {
  /** Calls in flight. */
  inFlight = 0
  readonly #meter: Meter
  readonly #base: Attributes
  /** The attributes of each operation, cached. */
  readonly #attributes = new Map<string, Attributes>()
  readonly #duration: Histogram
  readonly #rows: Histogram
  readonly #sizes: Histogram
  readonly #errors: Counter

  constructor(meter: Meter, base: Attributes) {
    this.#meter = meter
    this.#base = base
    this.#duration = meter.createHistogram('db.client.operation.duration', {
      description: 'Duration of database client operations.',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
    })
    this.#rows = meter.createHistogram('db.client.response.returned_rows', {
      description: 'The actual number of records returned by the database operation.',
      unit: '{row}',
      advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] },
    })
    this.#sizes = meter.createHistogram('rxkeeper.store.batch.size', {
      description: 'Operations in a call of the engine.',
      unit: '{operation}',
      advice: { explicitBucketBoundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192] },
    })
    this.#errors = meter.createCounter('rxkeeper.store.operation.errors', {
      description: 'Single operations that failed in a call that did not.',
      unit: '{error}',
    })
  }

  /** @param time in seconds */
  ended(call: EngineCall, operation: string, time: number, outcome: readonly EngineResult[] | KVError): void {
    const attributes = this.#attributesOf(operation)
    if (outcome instanceof KVError) {
      this.#duration.record(time, { ...attributes, 'error.type': outcome.code })
      return
    }
    this.#duration.record(time, attributes)
    if (call.type === 'read' || call.type === 'scan') this.#rows.record(rowsOf(outcome), attributes)
    if (call.type !== 'scan') this.#sizes.record(sizeOf(call), attributes)
    for (const result of outcome) {
      if (result instanceof KVError) this.#errors.add(1, { ...attributes, 'error.type': result.code })
    }
  }

  /** Reports the observable instruments at each collection, until unsubscribed. */
  observe(status: StatusWatch, cache: Observed['cache']): Unsubscribable {
    const base = this.#base
    const inFlight = this.#meter.createObservableUpDownCounter('rxkeeper.store.in_flight', {
      description: 'Calls of the engine that are under way.',
      unit: '{call}',
    })
    const lookups = this.#meter.createObservableCounter('rxkeeper.store.cache.lookups', {
      description: 'Lookups that the cache answered, and that it could not.',
      unit: '{lookup}',
    })
    const state = this.#meter.createObservableUpDownCounter('rxkeeper.store.status', {
      description: '1 for the state of the connection, 0 for all others.',
      unit: '1',
    })
    const connected = this.#meter.createObservableCounter('rxkeeper.store.connected_time', {
      description: 'Time in which the store was connected.',
      unit: 's',
    })
    const availability = this.#meter.createObservableGauge('rxkeeper.store.availability', {
      description: 'Time in which the store was connected / total time.',
      unit: '1',
    })
    const callback = (result: BatchObservableResult): void => {
      result.observe(inFlight, this.inFlight, base)
      if (cache !== undefined) {
        result.observe(lookups, cache.hits, { ...base, 'rxkeeper.cache.result': 'hit' })
        result.observe(lookups, cache.misses, { ...base, 'rxkeeper.cache.result': 'miss' })
      }
      for (const name of STATES) {
        result.observe(state, name === status.state ? 1 : 0, { ...base, 'rxkeeper.store.state': name })
      }
      const span = status.span()
      result.observe(connected, span.up / 1000, base)
      result.observe(availability, share(span.up, span.elapsed), base)
    }
    const instruments = [inFlight, lookups, state, connected, availability]
    this.#meter.addBatchObservableCallback(callback, instruments)
    return { unsubscribe: () => this.#meter.removeBatchObservableCallback(callback, instruments) }
  }

  #attributesOf(operation: string): Attributes {
    let attributes = this.#attributes.get(operation)
    if (attributes === undefined) {
      attributes = { ...this.#base, 'db.operation.name': operation }
      this.#attributes.set(operation, attributes)
    }
    return attributes
  }
}
