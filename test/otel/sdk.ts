import { AsyncLocalStorage } from 'node:async_hooks'
import { type Attributes, type Context, type ContextManager, ROOT_CONTEXT } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'

/** The real SDK, with what it exports at hand. */
export class Metrics {
  readonly provider: MeterProvider
  readonly #exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  readonly #reader = new PeriodicExportingMetricReader({
    exporter: this.#exporter,
    exportIntervalMillis: 1_000_000,
  })

  constructor() {
    this.provider = new MeterProvider({ readers: [this.#reader] })
  }

  /** What is exported now, by name. */
  async collect(): Promise<Map<string, MetricData>> {
    this.#exporter.reset()
    await this.#reader.forceFlush()
    const scopes = this.#exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
    for (const { scope } of scopes) if (scope.name !== 'rxkeeper') throw new Error(`scope ${scope.name}`)
    return new Map(scopes.flatMap(({ metrics }) => metrics).map(metric => [metric.descriptor.name, metric]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.provider.shutdown()
  }
}

type Point = DataPoint<number | Histogram>

/** The points of a metric: attributes and value, of histograms count and sum. */
export const pointsOf = (metric: MetricData | undefined): [Attributes, unknown][] =>
  ((metric?.dataPoints ?? []) as Point[]).map(({ attributes, value }) => [
    attributes,
    typeof value === 'number' ? value : { count: value.count, sum: value.sum },
  ])

/** The boundaries of the buckets of a histogram. */
export const boundariesOf = (metric: MetricData): number[] =>
  (metric.dataPoints[0]!.value as Histogram).buckets.boundaries

/** Keeps the active span over asynchronous calls, as the SDK for Node does. */
export class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => work.call(thisArg, ...args))
  }

  bind<T>(_context: Context, target: T): T {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#storage.disable()
    return this
  }
}
