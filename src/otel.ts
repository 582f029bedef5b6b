/** Metrics and spans for OpenTelemetry; needs the package `@opentelemetry/api`, and an SDK to go anywhere. */
export { instrumentGroups } from './otel/instrument-groups.ts'
export { instrumentMeter } from './otel/instrument-meter.ts'
export { type InstrumentStoreOptions, instrumentStore } from './otel/instrument-store.ts'
export type { InstrumentOptions } from './otel/options.ts'
