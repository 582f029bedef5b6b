import {
  type Attributes,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { KVError } from '../base/errors.ts'
import type { AnyStore } from '../store/kv-store.ts'
import { type EngineCall, type EngineResult, observedOf } from '../store/observed-engine.ts'
import { operationOf, rowsOf, sizeOf } from './operations.ts'
import { type InstrumentOptions, SCOPE } from './options.ts'
import { StoreInstruments } from './store-instruments.ts'
import { watchStatus } from './watch-status.ts'

/** Options of {@link instrumentStore}. */
export interface InstrumentStoreOptions extends InstrumentOptions {
  /**
   * Gets the spans.
   * @defaultValue the global one, `trace.getTracerProvider()`
   */
  readonly tracerProvider?: TracerProvider | undefined
  /**
   * Which engine calls get a span: batches of lookups (`read`), batches of single writes (`write`), atomic commits
   * (`commit`), pages of listings (`scan`).
   * @defaultValue `['commit']`
   */
  readonly spans?: readonly EngineCall['type'][] | undefined
}

/**
 * Publishes the engine calls of a store through OpenTelemetry, by its conventions for databases, until disposed:
 *
 * - `db.client.operation.duration` (histogram, s): the time of each call, one per batch; of failed ones with
 *   `error.type`, the error's `code`;
 * - `db.client.response.returned_rows` (histogram, `{row}`): the entries that a lookup or page returned;
 * - a span for each commit, or for the calls in `spans`; its parent is the span that was active when its first
 *   operation was requested;
 *
 * and under its own names: `rxkeeper.store.batch.size` (histogram, `{operation}`), `rxkeeper.store.operation.errors`
 * (counter, `{error}`: of single operations in a batch), `rxkeeper.store.in_flight` (up-down counter, `{call}`),
 * `rxkeeper.store.cache.lookups` (counter, `{lookup}`, `rxkeeper.cache.result` is `hit` or `miss`),
 * `rxkeeper.store.status` (1 for the current `rxkeeper.store.state`, 0 for the others), `rxkeeper.store.connected_time`
 * (counter, s: its rate is the availability in any window) and `rxkeeper.store.availability` (gauge, 1, since now).
 * `db.system.name` is the engine's name, `db.operation.name` one of `get`, `put`, `delete`, `BATCH get`, …, `commit`,
 * `scan`.
 *
 * A store without instruments pays nothing. `UNSUPPORTED` for a store that `kvStore` did not make.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs'
 * import { memoryStore, text } from 'rxkeeper'
 * import { instrumentStore } from 'rxkeeper/otel'
 *
 * await using store = memoryStore({ value: text })
 * using _ = instrumentStore(store, { attributes: { 'db.namespace': '/apps/demo' } })
 * await firstValueFrom(store.put$('alice', 'here'))
 * ```
 */
export function instrumentStore(store: AnyStore, options: InstrumentStoreOptions = {}): Disposable {
  const observed = observedOf(store)
  const base: Attributes = { 'db.system.name': observed.engine.name, ...options.attributes }
  const meter = (options.meterProvider ?? metrics).getMeter(SCOPE)
  const instruments = new StoreInstruments(meter, base)
  const spanOf = spanStarter(options, base)
  const status = watchStatus(store.status$)
  const calls = observed.engine.observe({
    begin: call => {
      const operation = operationOf(call)
      const span = spanOf(call, operation)
      const began = performance.now()
      instruments.inFlight++
      return outcome => {
        instruments.inFlight--
        instruments.ended(call, operation, (performance.now() - began) / 1000, outcome)
        if (span !== undefined) endSpan(span, call, outcome)
      }
    },
  })
  const observing = instruments.observe(status, observed.cache)
  return {
    [Symbol.dispose]() {
      observing.unsubscribe()
      calls.unsubscribe()
      status.unsubscribe()
    },
  }
}

function spanStarter(
  { spans = ['commit'], tracerProvider = trace }: InstrumentStoreOptions,
  base: Attributes,
): (call: EngineCall, operation: string) => Span | undefined {
  const tracer = tracerProvider.getTracer(SCOPE)
  const target = base['db.collection.name'] ?? base['db.namespace']
  return (call, operation) => {
    if (!spans.includes(call.type)) return undefined
    const attributes: Attributes = { ...base, 'db.operation.name': operation }
    const size = sizeOf(call)
    // The convention forbids a batch size of 1.
    if (size > 1) attributes['db.operation.batch.size'] = size
    const name = target === undefined ? operation : `${operation} ${String(target)}`
    return tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes })
  }
}

function endSpan(span: Span, call: EngineCall, outcome: readonly EngineResult[] | KVError): void {
  if (outcome instanceof KVError) {
    span.setAttribute('error.type', outcome.code)
    span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.message })
  } else if (call.type === 'read' || call.type === 'scan') {
    span.setAttribute('db.response.returned_rows', rowsOf(outcome))
  }
  span.end()
}
