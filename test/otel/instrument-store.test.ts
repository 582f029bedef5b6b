import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import {
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  METRIC_DB_CLIENT_OPERATION_DURATION,
} from '@opentelemetry/semantic-conventions'
import {
  ATTR_DB_RESPONSE_RETURNED_ROWS,
  METRIC_DB_CLIENT_RESPONSE_RETURNED_ROWS,
} from '@opentelemetry/semantic-conventions/incubating'
import { BehaviorSubject, firstValueFrom, from, lastValueFrom, NEVER, toArray } from 'rxjs'
import { afterEach, describe, expect, it } from 'vitest'
import { json, text } from '../../src/codecs.ts'
import type { Status } from '../../src/contract/engine.ts'
import { MemoryEngine } from '../../src/engines/memory/engine.ts'
import { Memory } from '../../src/engines/memory/memory.ts'
import { memoryStore } from '../../src/engines/memory/store.ts'
import { processKV } from '../../src/operators/processKV.ts'
import { instrumentStore } from '../../src/otel.ts'
import type { KVStore } from '../../src/store/kv-store.ts'
import { kvStore } from '../../src/store/store.ts'
import { boundariesOf, Contexts, Metrics, pointsOf } from './sdk.ts'

const attributes = { [ATTR_DB_NAMESPACE]: '/apps/demo' }
const base = { ...attributes, [ATTR_DB_SYSTEM_NAME]: 'memory' }
const failure = (error: unknown): string => (error as { code: string }).code

/** Does something of everything with a store. */
async function use(store: KVStore<string>): Promise<void> {
  const put = (key: string) => firstValueFrom(store.put$(key, 'x'))
  await put('a')
  await Promise.all([
    put('a'),
    put('b'),
    firstValueFrom(store.put$('c', 'x', { ifVersion: 7 })).catch(failure),
  ])
  await Promise.all([put('d'), firstValueFrom(store.delete$('d')), firstValueFrom(store.delete$('b'))])
  await Promise.all(['a', 'b', 'none'].map(key => firstValueFrom(store.get$(key))))
  await firstValueFrom(
    store.putAll$([
      ['a', 'y'],
      ['e', 'y'],
    ]),
  )
  await firstValueFrom(store.transact$([{ type: 'check', key: 'a', ifVersion: 99 }])).catch(failure)
  await lastValueFrom(store.entries$().pipe(toArray()))
}

describe('instrumentStore', () => {
  it('publishes the calls of the engine by the conventions for databases', async () => {
    await using metrics = new Metrics()
    await using store = memoryStore({ value: text })
    using _ = instrumentStore(store, { meterProvider: metrics.provider, attributes })
    await use(store)

    const exported = await metrics.collect()
    const duration = exported.get(METRIC_DB_CLIENT_OPERATION_DURATION)!
    expect(duration.descriptor).toMatchObject({ type: InstrumentType.HISTOGRAM, unit: 's' })
    expect(boundariesOf(duration)).toEqual([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])
    const point = (operation: string, count: number, error?: string) => [
      { ...base, [ATTR_DB_OPERATION_NAME]: operation, ...(error && { [ATTR_ERROR_TYPE]: error }) },
      { count, sum: expect.any(Number) },
    ]
    const durations = pointsOf(duration)
    expect(durations).toHaveLength(7)
    expect(durations).toEqual(
      expect.arrayContaining([
        point('put', 1),
        point('BATCH put', 1),
        point('BATCH', 1),
        point('BATCH get', 1),
        point('commit', 1),
        point('commit', 1, 'VERSION_CONFLICT'),
        // The entries, and the empty page at the end.
        point('scan', 2),
      ]),
    )
    const operation = (name: string) => ({ ...base, [ATTR_DB_OPERATION_NAME]: name })
    const rows = exported.get(METRIC_DB_CLIENT_RESPONSE_RETURNED_ROWS)!
    expect(rows.descriptor.unit).toBe('{row}')
    expect(pointsOf(rows)).toEqual([
      [operation('BATCH get'), { count: 1, sum: 1 }],
      [operation('scan'), { count: 2, sum: 2 }],
    ])
    expect(pointsOf(exported.get('rxkeeper.store.batch.size'))).toEqual([
      [operation('put'), { count: 1, sum: 1 }],
      [operation('BATCH put'), { count: 1, sum: 3 }],
      [operation('BATCH'), { count: 1, sum: 3 }],
      [operation('BATCH get'), { count: 1, sum: 3 }],
      [operation('commit'), { count: 1, sum: 2 }],
    ])
    expect(pointsOf(exported.get('rxkeeper.store.operation.errors'))).toEqual([
      [{ ...operation('BATCH put'), [ATTR_ERROR_TYPE]: 'VERSION_CONFLICT' }, 1],
    ])
    expect(pointsOf(exported.get('rxkeeper.store.in_flight'))).toEqual([[base, 0]])
    expect(pointsOf(exported.get('rxkeeper.store.cache.lookups'))).toEqual([])
    expect(pointsOf(exported.get('rxkeeper.store.availability'))).toEqual([[base, 1]])
    expect(pointsOf(exported.get('rxkeeper.store.connected_time'))).toEqual([[base, expect.any(Number)]])
  })

  it('publishes what is under way, the state, and the cache', async () => {
    await using metrics = new Metrics()
    const status = new BehaviorSubject<Status>({ state: 'connected', reason: 'test' })
    const engine = new MemoryEngine(new Memory())
    const hanging = Object.assign(Object.create(engine), {
      status$: status,
      limits: engine.limits,
      name: 'hanging',
      read: (keys: readonly string[]) => (keys[0] === 'hang' ? NEVER : engine.read(keys)),
      watch: () => engine.watch(),
    }) as MemoryEngine
    const store = kvStore(hanging, { value: text, cache: 10 })
    using _ = instrumentStore(store, { meterProvider: metrics.provider })
    for (let i = 0; i < 3; i++) await firstValueFrom(store.get$('a'))
    store.get$('hang').subscribe()
    await new Promise(resolve => setImmediate(resolve))
    status.next({ state: 'suspended', reason: 'test' })

    const exported = await metrics.collect()
    const own = { [ATTR_DB_SYSTEM_NAME]: 'hanging' }
    expect(pointsOf(exported.get('rxkeeper.store.in_flight'))).toEqual([[own, 1]])
    expect(pointsOf(exported.get('rxkeeper.store.cache.lookups'))).toEqual([
      [{ ...own, 'rxkeeper.cache.result': 'hit' }, 2],
      [{ ...own, 'rxkeeper.cache.result': 'miss' }, 2],
    ])
    expect(pointsOf(exported.get('rxkeeper.store.status'))).toEqual(
      Object.entries({ connected: 0, suspended: 1, lost: 0, closed: 0 }).map(([state, value]) => [
        { ...own, 'rxkeeper.store.state': state },
        value,
      ]),
    )
    const [[, availability]] = pointsOf(exported.get('rxkeeper.store.availability')) as [[object, number]]
    expect(availability).toBeGreaterThan(0)
    expect(availability).toBeLessThan(1)
  })

  it('lets go when disposed', async () => {
    await using metrics = new Metrics()
    await using store = memoryStore({ value: text })
    instrumentStore(store, { meterProvider: metrics.provider })[Symbol.dispose]()
    await use(store)
    expect([...(await metrics.collect()).values()].flatMap(pointsOf)).toEqual([])
  })

  it('goes nowhere, and hurts nothing, without an SDK', async () => {
    await using store = memoryStore({ value: text })
    using _ = instrumentStore(store)
    await use(store)
    expect(await firstValueFrom(store.get$('a'))).toBe('y')
  })

  it('refuses stores of another make', () => {
    expect(() => instrumentStore(Object.create(null) as KVStore<string>)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    )
  })
})

describe('the spans of instrumentStore', () => {
  afterEach(() => context.disable())

  const tracing = () => {
    const exporter = new InMemorySpanExporter()
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    return { exporter, tracerProvider }
  }

  it('are one for each commit', async () => {
    const { exporter, tracerProvider } = tracing()
    await using store = memoryStore({ value: json<number>() })
    using _ = instrumentStore(store, { tracerProvider, attributes })
    await lastValueFrom(
      from(['a', 'b', 'a']).pipe(
        processKV(
          store,
          word => word,
          (_, count = 0) => count + 1,
        ),
      ),
    )
    await firstValueFrom(store.put$('c', 1))
    const [span, ...others] = exporter.getFinishedSpans()
    expect(others).toEqual([])
    expect(span).toMatchObject({
      name: 'commit /apps/demo',
      kind: SpanKind.CLIENT,
      attributes: { ...base, [ATTR_DB_OPERATION_NAME]: 'commit', [ATTR_DB_OPERATION_BATCH_SIZE]: 2 },
      status: { code: SpanStatusCode.UNSET },
      instrumentationScope: { name: 'rxkeeper' },
    })
  })

  it('say what failed, and are of the calls that are wanted', async () => {
    const { exporter, tracerProvider } = tracing()
    await using store = memoryStore({ value: text })
    using _ = instrumentStore(store, { tracerProvider, spans: ['read', 'write', 'commit', 'scan'] })
    await use(store)
    const spans = exporter.getFinishedSpans()
    expect(spans.map(({ name }) => name)).toEqual([
      'put',
      'BATCH put',
      'BATCH',
      'BATCH get',
      'commit',
      'commit',
      'scan',
      'scan',
    ])
    expect(spans[0]!.attributes).toEqual({ [ATTR_DB_SYSTEM_NAME]: 'memory', [ATTR_DB_OPERATION_NAME]: 'put' })
    expect(spans[3]!.attributes[ATTR_DB_RESPONSE_RETURNED_ROWS]).toBe(1)
    expect(spans[5]).toMatchObject({
      attributes: { [ATTR_ERROR_TYPE]: 'VERSION_CONFLICT' },
      status: { code: SpanStatusCode.ERROR, message: expect.stringContaining('version 99') },
    })
  })

  it('belong to the span in which the operation was asked for', async () => {
    context.setGlobalContextManager(new Contexts())
    const { exporter, tracerProvider } = tracing()
    await using store = memoryStore({ value: text })
    using _ = instrumentStore(store, { tracerProvider })
    const request = tracerProvider.getTracer('test').startSpan('request')
    await context.with(trace.setSpan(context.active(), request), () =>
      firstValueFrom(store.putAll$([['a', 'x']])),
    )
    expect(exporter.getFinishedSpans()[0]!.parentSpanContext?.spanId).toBe(request.spanContext().spanId)
  })
})

it('can be scraped by Prometheus', async () => {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const meterProvider = new MeterProvider({ readers: [exporter] })
  const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await using store = memoryStore({ value: text })
    using _ = instrumentStore(store, { meterProvider, attributes })
    await use(store)
    const { port } = server.address() as AddressInfo
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(page).toMatch(/^# TYPE db_client_operation_duration histogram$/m)
    expect(page).toMatch(
      /^db_client_operation_duration_count\{(?=.*db_operation_name="BATCH get")(?=.*db_system_name="memory")(?=.*db_namespace="\/apps\/demo").*\} 1$/m,
    )
    expect(page).toMatch(/^db_client_operation_duration_bucket\{.*le="0.001".*\} \d+$/m)
    expect(page).toMatch(/^rxkeeper_store_status\{.*rxkeeper_store_state="connected".*\} 1$/m)
    expect(page).toMatch(/^rxkeeper_store_connected_time_total\{.*\} [\d.]+$/m)
  } finally {
    server.close()
    await meterProvider.shutdown()
  }
})

it('is asked for by nothing else', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  )
  const users = sources.filter(file =>
    readFileSync(join('src', file), 'utf8').includes("from '@opentelemetry/"),
  )
  expect(users.length).toBeGreaterThan(0)
  expect(users.filter(file => !file.startsWith('otel'))).toEqual([])
  expect(sources.filter(file => readFileSync(join('src', file), 'utf8').includes('/otel/'))).toEqual([
    'otel.ts',
  ])
})
