/** Metrics and spans for OpenTelemetry. Needs the package `@opentelemetry/api`, and an SDK to export them. */
export { instrumentGroups } from './otel/instrument-groups.ts'
export { instrumentMeter } from './otel/instrument-meter.ts'
export { type InstrumentStoreOptions, instrumentStore } from './otel/instrument-store.ts'
export type { InstrumentOptions } from './otel/options.ts'
