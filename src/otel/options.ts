import type { Attributes, MeterProvider } from '@opentelemetry/api'

/** Options of the bindings to OpenTelemetry. */
export interface InstrumentOptions {
  /**
   * Where the metrics go.
   * @defaultValue the global one, `metrics.getMeterProvider()`
   */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * What to add to every metric and span, for instance `messaging.destination.name`, `db.namespace` or `server.address`;
   * few values, and none that identify a record.
   * @defaultValue none
   */
  readonly attributes?: Attributes | undefined
}

/** The name of the instrumentation scope. */
export const SCOPE = 'rxkeeper'
