import type { Attributes, MeterProvider } from '@opentelemetry/api'

/** Options of the bindings to OpenTelemetry. */
export interface InstrumentOptions {
  /**
   * Gets the metrics.
   * @defaultValue the global one, `metrics.getMeterProvider()`
   */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * Added to every metric and span, for instance `messaging.destination.name`, `db.namespace` or `server.address`; of
   * low cardinality, so nothing that identifies a record.
   * @defaultValue none
   */
  readonly attributes?: Attributes | undefined
}

/** The name of the instrumentation scope. */
export const SCOPE = 'rxkeeper'
