import type { ChildProcess } from 'node:child_process'
import { concatMap, filter, firstValueFrom, fromEvent, lastValueFrom, takeUntil, timer, toArray } from 'rxjs'
import { bytes, json, type KVStore, openStore, type PublishedFigures } from 'rxkeeper'
import { serveMonitor } from 'rxkeeper/monitor'
import { startZooKeeper } from 'rxkeeper/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Alert } from '../../examples/monitoring/hysteresis.ts'
import type { Metric } from '../../examples/monitoring/metric.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { startChromium } from '../setup/chromium.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { type Ended, type Running, run, start } from './program.ts'

type Stored = Partial<Metric & Alert & PublishedFigures>

function open(url: string): KVStore<Stored> {
  const store = openStore(url, { value: json<Stored>() })
  onTestFinished(() => store.close())
  return store
}

const stores = {
  'lmdb:': () => `lmdb:${temporaryFolder()}`,
  'zookeeper:': () => `zookeeper://${servers}${freshRoot('monitoring')}`,
}

const startHost = (url: string, name: string, ...more: string[]): Running =>
  start('monitoring/host.ts', ['--store', url, '--name', name, '--interval', '0.2', ...more])

const startAlerts = (url: string, ...more: string[]): Running =>
  start('monitoring/alerts.ts', ['--store', url, ...more])

/** Waits until the value of a key is as it should be. */
const until = (store: KVStore<Stored>, key: string, fits: (value: Stored) => boolean): Promise<unknown> =>
  firstValueFrom(store.watch$(key).pipe(filter(value => value !== undefined && fits(value))))

const untilState = (store: KVStore<Stored>, alert: string, state: Alert['state']): Promise<unknown> =>
  until(store, `alert/${alert}`, alert => alert.state === state)

const keysOf = (store: KVStore<Stored>): Promise<string[]> => lastValueFrom(store.keys$().pipe(toArray()))

async function stop({ process, ended }: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  process.kill(signal)
  return ended
}

/** The lines of a program, without their times. */
const said = ({ output }: Ended): string[] =>
  output
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/^\d\d:\d\d:\d\d +/, '').replace(/ +/g, ' '))

/** An oven: a host whose metrics the test writes. */
class Oven {
  readonly #store: KVStore<Stored>
  #at = Date.now()
  #probes = 0

  constructor(store: KVStore<Stored>) {
    this.#store = store
  }

  async put(last: number, metric = 'heat'): Promise<void> {
    const of = { min: 0, max: 100, average: last, readings: 1, unit: '°C', interval: 3_600_000 }
    await firstValueFrom(this.#store.put$(`metric/oven/${metric}`, { last, ...of, at: ++this.#at }))
  }

  /** Settles when what was written before is judged: when something written after it is. */
  async judged(): Promise<void> {
    const probe = `probe-${this.#probes++}`
    const writes$ = timer(0, 50).pipe(
      concatMap(() => this.put(1, probe)),
      takeUntil(untilState(this.#store, `oven/${probe}`, 'raised')),
    )
    await lastValueFrom(writes$, { defaultValue: undefined })
  }
}

/** The rules for its metrics. */
const RULES = ['heat=90,70,2', ...Array.from({ length: 9 }, (_, i) => `probe-${i}=0,0`)].flatMap(rule => [
  '--rule',
  rule,
])

const aboutHeat = (ended: Ended): string[] => said(ended).filter(line => line.includes('heat'))

/** Settles when a program has said that it tries again. */
const saysTryingAgain = ({ stderr }: ChildProcess): Promise<unknown> =>
  firstValueFrom(fromEvent(stderr!, 'data').pipe(filter(text => String(text).includes('trying again'))))

describe.each(Object.entries(stores))('on %s', (_, place) => {
  test('a host writes its metrics, and its figures for the monitor', async () => {
    const url = place()
    const store = open(url)
    const host = startHost(url, 'web-1', '--zookeeper', servers)
    const metrics = [
      'load',
      'memory',
      'disk',
      'cpu',
      'down',
      'latency',
      'outstanding',
      'connections',
      'znodes',
    ]
    for (const metric of metrics) {
      const name = metrics.indexOf(metric) < 4 ? metric : `zookeeper/${servers}/${metric}`
      await until(store, `metric/web-1/${name}`, ({ readings = 0 }) => readings >= 3)
      const { last, min, max, average, at, interval } = (await firstValueFrom(
        store.get$(`metric/web-1/${name}`),
      )) as Metric
      expect(interval).toBe(200)
      expect(Math.abs(at - Date.now())).toBeLessThan(60_000)
      expect(last).toBeGreaterThanOrEqual(min)
      expect(last).toBeLessThanOrEqual(max)
      expect(average).toBeGreaterThanOrEqual(min)
      expect(average).toBeLessThanOrEqual(max)
      expect(min).toBeGreaterThanOrEqual(0)
      if (['memory', 'disk', 'cpu'].includes(name)) expect(max).toBeLessThanOrEqual(100)
      if (metric === 'down') expect(max).toBe(0)
      if (metric === 'znodes') expect(min).toBeGreaterThan(0)
    }
    await until(store, '~figures/host web-1', ({ records }) => records!.total.records > 0)
    const { errors, code } = await stop(host)
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
    expect(await keysOf(store)).not.toContain('~figures/host web-1')
  })

  test('an alert is raised and cleared with hysteresis, neither forgotten nor told again after a restart', async () => {
    const url = place()
    const store = open(url)
    const oven = new Oven(store)
    const first = startAlerts(url, ...RULES)
    await oven.judged()
    for (const heat of [95, 80, 95]) {
      await oven.put(heat)
      await oven.judged()
    }
    expect(await firstValueFrom(store.get$('alert/oven/heat'))).toMatchObject({ state: 'pending' })
    await oven.put(96)
    await untilState(store, 'oven/heat', 'raised')
    await oven.put(80)
    await oven.judged()
    const before = await stop(first, 'SIGKILL')
    expect(aboutHeat(before)).toEqual(['RAISED oven/heat 96'])

    const second = startAlerts(url, ...RULES)
    await oven.judged()
    await oven.put(97)
    await oven.judged()
    expect(await firstValueFrom(store.get$('alert/oven/heat'))).toMatchObject({ state: 'raised', value: 96 })
    await oven.put(69)
    await untilState(store, 'oven/heat', 'clear')
    const after = await stop(second)
    expect(aboutHeat(after)).toEqual(['still raised oven/heat 96', 'cleared oven/heat 69'])
    expect(after).toMatchObject({ errors: '', code: 0 })
  })

  test('two that follow the same metrics tell of an alert once', async () => {
    const url = place()
    const store = open(url)
    const oven = new Oven(store)
    const both = ['alerts-1', 'alerts-2'].map(name => startAlerts(url, '--name', name, ...RULES))
    for (const name of ['alerts-1', 'alerts-2']) await until(store, `~figures/${name}`, () => true)
    await oven.judged()
    for (const heat of [95, 95, 60, 95, 95, 60]) {
      await oven.put(heat)
      await oven.judged()
    }
    const lines = (await Promise.all(both.map(running => stop(running)))).flatMap(aboutHeat)
    expect(lines.sort()).toEqual([
      'RAISED oven/heat 95',
      'RAISED oven/heat 95',
      'cleared oven/heat 60',
      'cleared oven/heat 60',
    ])
  })

  test('a host that dies is silent until it is back', async () => {
    const url = place()
    const store = open(url)
    const alerts = startAlerts(url, '--missed', '10')
    const host = startHost(url, 'web-1')
    await until(store, 'metric/web-1/cpu', () => true)
    await until(store, '~figures/alerts', ({ records }) => records!.total.records > 0)
    await stop(host, 'SIGKILL')
    await untilState(store, 'web-1/silent', 'raised')
    startHost(url, 'web-1')
    await untilState(store, 'web-1/silent', 'clear')
    const lines = said(await stop(alerts)).filter(line => line.includes('silent'))
    // More than once where the machine has so much else to do that the host is late.
    lines.forEach((line, i) => {
      expect(line).toBe(i % 2 === 0 ? 'RAISED web-1/silent 1' : 'cleared web-1/silent 0')
    })
    expect(lines.length).toBeGreaterThanOrEqual(2)
  })
})

test('all outlive a ZooKeeper server that is away for longer than they wait', async () => {
  await using server = await startZooKeeper()
  const url = `zookeeper://${server.servers}/monitoring`
  const store = open(url)
  const host = startHost(url, 'web-1', '--zookeeper', server.servers)
  const follower = startAlerts(url, '--missed', '50', '--rule', 'load=-1,-1')
  await untilState(store, 'web-1/load', 'raised')
  await server.kill()
  const newcomer = startAlerts(url, '--name', 'newcomer', '--rule', 'disk=-1,-1')
  await Promise.all([host, newcomer].map(({ process }) => saysTryingAgain(process)))
  await server.restart()
  await firstValueFrom(store.delete$('alert/web-1/load'))
  await untilState(store, 'web-1/load', 'raised')
  await untilState(store, 'web-1/disk', 'raised')
  expect((await stop(host)).errors).toMatch(/^(host web-1: .*; trying again\n)+$/)
  expect((await stop(newcomer)).errors).toMatch(/^(newcomer: .*; trying again\n)+$/)
  const { output, errors } = await stop(follower)
  // It writes now and then only, maybe not then.
  expect(errors).toMatch(/^(alerts: .*; trying again\n)*$/)
  expect(output).not.toContain('silent')
})

test('the monitor page shows the alerts, and the figures of both programs', async () => {
  const url = stores['zookeeper:']()
  const store = openStore(url, { value: bytes })
  await using monitor = await serveMonitor(store, { port: 0 })
  onTestFinished(() => store.close())
  const chromium = await startChromium()
  onTestFinished(() => chromium.close())
  const page = await chromium.context.newPage()
  await page.goto(monitor.url)
  startAlerts(url, '--rule', 'memory=0,0')
  startHost(url, 'web-1')
  for (const list of ['keys', 'changes']) {
    const alert = page.locator(`#${list} button`, { hasText: 'alert/web-1/memory' })
    await alert.getByText('"raised"').waitFor()
  }
  for (const name of ['host web-1', 'alerts']) {
    const program = page.locator('.program', { has: page.getByText(name, { exact: true }) })
    await program.getByText('live').waitFor()
  }
})

test.each([
  ['host', '--interval'],
  ['alerts', '--rule'],
])('%s says what it takes, and what is wrong', async (program, option) => {
  const { output, code } = await run(`monitoring/${program}.ts`, ['--help'])
  expect(output).toContain(`${program}.ts --store URL`)
  expect(code).toBe(0)
  for (const wrong of [[option, 'wrong'], ['--store', 'wrong:'], ['--what']]) {
    const { output, errors, code } = await run(`monitoring/${program}.ts`, wrong)
    expect({ output, code }).toEqual({ output: '', code: 1 })
    expect(errors).toMatch(new RegExp(`^${program}: .*wr?.*\\(--help shows what there is\\)\n$`))
  }
})
