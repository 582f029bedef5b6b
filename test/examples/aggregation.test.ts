import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { filter, firstValueFrom, from, lastValueFrom, toArray } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { describe, expect, test, vi } from 'vitest'
import { withLateOnes } from '../../examples/aggregation/delivery.ts'
import { DEPARTURE, HOUR, type Hour } from '../../examples/aggregation/departure.ts'
import { HOURS, LastDay } from '../../examples/aggregation/last-day.ts'
import { openInput } from '../../examples/flights/input/index.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { PARQUET } from './flights.ts'
import { type Running, run, start } from './program.ts'

const MAIN = 'aggregation/main.ts'
const FOLLOW = 'aggregation/follow.ts'
const HOURS_ONCE = 'aggregation/hours.ts'

interface Flight {
  readonly date: string
  readonly origin: string
  readonly delay: number
}

const FILE = new URL('../../node_modules/vega-datasets/data/flights-20k.json', import.meta.url)
const flights: readonly Flight[] = JSON.parse(readFileSync(FILE, 'utf8'))
const hourOf = ({ date }: Flight): number =>
  Date.parse(`${date.slice(0, 13).replaceAll('/', '-').replace(' ', 'T')}:00Z`)

function groups<T>(all: readonly T[], keyOf: (item: T) => string): (readonly [key: string, group: T[]])[] {
  const byKey = new Map<string, T[]>()
  for (const item of all) {
    const key = keyOf(item)
    const group = byKey.get(key)
    if (group === undefined) byKey.set(key, [item])
    else group.push(item)
  }
  return [...byKey]
}

/** All hours of all airports, straight from the flights. */
const hoursOf = (all: readonly Flight[]): Hour[] =>
  groups(all, flight => `${flight.origin} ${hourOf(flight)}`).map(([, group]) => {
    const start = hourOf(group[0]!)
    const minutes = group.reduce((sum, { delay }) => sum + delay, 0)
    return { key: group[0]!.origin, start, end: start + HOUR, value: { flights: group.length, minutes } }
  })

/** What a table has to show: airport, flights, delay, delay per flight. */
function topOf(hours: readonly Hour[], count: number): string[][] {
  const newest = Math.max(...hours.map(({ start }) => start))
  const counted = hours.filter(({ start }) => start > newest - HOURS * HOUR)
  const airports = groups(counted, ({ key }) => key).map(([airport, hours]) => ({
    airport,
    flights: hours.reduce((sum, { value }) => sum + value.flights, 0),
    minutes: hours.reduce((sum, { value }) => sum + value.minutes, 0),
  }))
  return airports
    .toSorted((a, b) => b.minutes - a.minutes || (a.airport < b.airport ? -1 : 1))
    .slice(0, count)
    .map(({ airport, flights, minutes }) => [
      airport,
      `${flights}`,
      `${minutes}`,
      (minutes / flights).toFixed(1),
    ])
}

/** Of each airport the newest hour for each hour of the day: what there is room for. */
const keptOf = (hours: readonly Hour[]): Hour[] =>
  groups(hours, ({ key, start }) => `${key} ${(start / HOUR) % HOURS}`).map(([, hours]) =>
    hours.reduce((a, b) => (b.start > a.start ? b : a)),
  )

const inOrder = (hours: readonly Hour[]): Hour[] =>
  hours.toSorted((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1))

/** The rows of the last table of an output. */
const rowsOf = (output: string): string[][] => {
  const tables = [...output.matchAll(/─\n((?: {2}\w.*\n)+)/g)]
  const rows = (tables.at(-1)?.[1] ?? '').trimEnd().split('\n')
  return rows.map(row => row.trim().split(/ {2,}/))
}

const all = hoursOf(flights)

test('on its own: the airports with the most delay, the figures, and how many flights were late', async () => {
  const { output, errors, code } = await run(MAIN, ['--top', '7'])
  expect(errors).toBe('')
  expect(rowsOf(output)).toEqual(topOf(all, 7))
  expect(output).toMatch(/^Most delayed airports of the 24 hours before 2001-03-31 23:00 /)
  expect(output).toMatch(/throughput +[\d,]+ flights\/s/)
  let newest = 0
  let late = 0
  for await (const flight of withLateOnes(flights, 1)) {
    if (hourOf(flight) + HOUR <= newest) late++
    newest = Math.max(newest, Date.parse(`${flight.date.replaceAll('/', '-').replace(' ', 'T')}Z`))
  }
  expect(late).toBeGreaterThan(100)
  expect(output).toMatch(new RegExp(`Counted 20,000 flights of .*, ${late} of them late\\.\\n$`))
  expect(code).toBe(0)
})

/** Collects what a program that goes on has said. */
function heard({ process }: Running): { output: string } {
  const heard = { output: '' }
  process.stdout!.on('data', (text: string) => {
    heard.output += text
  })
  return heard
}

test.each([
  ['LMDB', () => `lmdb:${join(temporaryFolder(), 'state')}`],
  ['ZooKeeper', () => `zookeeper://${servers}${freshRoot('aggregation')}`],
])('on %s another process follows, and all agree with the file', async (_, urlOf) => {
  const url = urlOf()
  const follower = start(FOLLOW, ['--store', url, '--top', '5'])
  const follows = heard(follower)
  await vi.waitFor(() => expect(follows.output).toBe('No flights yet.\n\n'), 60_000)

  // Another seed makes other flights late, and comes to the same.
  for (const seed of ['1', '2']) {
    const { output, errors, code } = await run(MAIN, ['--store', url, '--seed', seed])
    expect(errors).toBe('')
    expect(code).toBe(0)
    expect(rowsOf(output)).toEqual(topOf(all, 10))
    await vi.waitFor(() => expect(rowsOf(follows.output)).toEqual(topOf(all, 5)), 60_000)
    await using store = openStore(url, { value: json<Hour>() })
    const entries = await lastValueFrom(store.entries$().pipe(toArray()))
    expect(inOrder(entries.map(({ value }) => value))).toEqual(inOrder(keptOf(all)))
  }

  follower.process.kill('SIGINT')
  expect(await follower.ended).toMatchObject({ code: 130, errors: '' })
})

test('every hour once, when it is final; what is late by more is not counted', async () => {
  const linesOf = (hours: readonly Hour[]): string[] =>
    hours
      .map(
        ({ key, start, value: { flights, minutes } }) =>
          `${new Date(start).toISOString()},${key},${flights},${minutes}`,
      )
      .sort()
  const { output, errors, code } = await run(HOURS_ONCE, ['--seed', '2'])
  expect({ errors, code }).toEqual({ errors: '', code: 0 })
  expect(output.trimEnd().split('\n').sort()).toEqual(linesOf(all))

  const strict = await run(HOURS_ONCE, ['--lateness', '0'])
  const late = Number(/^(\d+) flights came too late/.exec(strict.errors)?.[1])
  const counted = strict.output
    .trimEnd()
    .split('\n')
    .map(line => Number(line.split(',')[2]))
  expect(late).toBeGreaterThan(100)
  expect(counted.reduce((a, b) => a + b)).toBe(flights.length - late)
})

test('interrupted, it shows what it has counted', async () => {
  const url = `lmdb:${join(temporaryFolder(), 'state')}`
  await using store = openStore(url, { value: json<Hour>() })
  const running = start(MAIN, ['--store', url, '--rate', '200'])
  await firstValueFrom(store.changes$().pipe(filter(({ type }) => type === 'put')))
  running.process.kill('SIGINT')
  const { output, errors, code } = await running.ended
  const counted = Number(/Counted ([\d,]+) flights/.exec(output)?.[1]?.replaceAll(',', ''))
  const hours = await lastValueFrom(store.entries$().pipe(toArray()))
  expect(hours.reduce((sum, { value }) => sum + value.value.flights, 0)).toBe(counted)
  expect(counted).toBeLessThan(flights.length)
  expect({ errors, code }).toEqual({ errors: '', code: 130 })
})

describe('what counts of the day, kept in order change by change', () => {
  test('is what sorting all of it comes to', () => {
    const hour = fc.record({
      airport: fc.constantFrom('AAA', 'BBB', 'CCC', 'DDD'),
      place: fc.nat(4),
      start: fc.nat(60),
      flights: fc.integer({ min: 1, max: 5 }),
      minutes: fc.integer({ min: -9, max: 9 }),
      deleted: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(hour, { maxLength: 40 }), changes => {
        const day = new LastDay()
        const present = new Map<string, Hour>()
        for (const { airport, place, start, flights, minutes, deleted } of changes) {
          const storeKey = `${airport} ${place}`
          const span = { key: airport, start: start * HOUR, end: (start + 1) * HOUR }
          const hour: Hour = { ...span, value: { flights, minutes } }
          if (deleted) present.delete(storeKey)
          else present.set(storeKey, hour)
          day.set(storeKey, deleted ? undefined : hour)
          const { until, airports } = day.top(3)
          const hours = [...present.values()]
          expect(until).toBe(hours.length === 0 ? undefined : Math.max(...hours.map(({ end }) => end)))
          const rows = airports.map(({ airport, flights, minutes }) => [
            airport,
            `${flights}`,
            `${minutes}`,
            (minutes / flights).toFixed(1),
          ])
          expect(rows).toEqual(topOf(hours, 3))
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('late records are the same for the same seed, and none is lost', async () => {
  const order = (seed: number) => lastValueFrom(from(withLateOnes(flights, seed)).pipe(toArray()))
  const first = await order(1)
  expect(await order(1)).toEqual(first)
  expect(await order(2)).not.toEqual(first)
  expect(first).not.toEqual(flights)
  expect(new Set(first)).toEqual(new Set(flights))
  const place = new Map(flights.map((flight, i) => [flight, i]))
  const behind = first.map((flight, i) => i - place.get(flight)!)
  expect(Math.max(...behind)).toBeLessThanOrEqual(100)
})

describe('departures', () => {
  test.each(['2001/01/31 18:05', '2001-01-31T18:05:30.000Z', new Date('2001-01-31T18:05Z')])(
    'at %s',
    date => {
      const departure = DEPARTURE.of({ origin: 'JFK', destination: 'LAX', delay: '-3', date }, 1, 10)
      expect(departure).toEqual({ airport: 'JFK', time: Date.UTC(2001, 0, 31, 18, 5), delay: -3, bytes: 10 })
    },
  )

  test('of 3 million flights in Parquet', async () => {
    const input = await openInput(PARQUET, DEPARTURE)
    const first = await firstValueFrom(from(input.read(0)))
    expect(first).toMatchObject({ airport: 'LAS', time: Date.UTC(2001, 0, 1, 0, 1), delay: 33 })
  })
})

describe('what cannot be says so in one line', () => {
  test.each<[program: string, args: () => string[], said: string]>([
    [MAIN, () => ['--top', '0'], '--top must be a whole number from 1 to 1000, got 0'],
    [MAIN, () => ['--rate', 'fast'], '--rate'],
    [MAIN, () => ['--store', 'redis://localhost'], 'redis://localhost'],
    [
      MAIN,
      () => ['--input', fileOf('[{"origin":"JFK","destination":"LAX","delay":1}]')],
      'line 1: "date" must',
    ],
    [FOLLOW, () => ['--seed', '1'], '--seed'],
    [FOLLOW, () => ['--store', 'zookeeper://127.0.0.1:1/x'], '127.0.0.1:1'],
  ])('%s %#', async (program, args, said) => {
    const { output, errors, code } = await run(program, args())
    expect(errors).toMatch(/^(aggregation|follow): .*\n$/)
    expect(errors).toContain(said)
    expect(output).toBe('')
    expect(code).toBe(1)
  })
})

function fileOf(content: string): string {
  const file = join(temporaryFolder(), 'flights.json')
  writeFileSync(file, content)
  return file
}

test.each([
  [MAIN, ['--store', '--input', '--seed', '--rate', '--top']],
  [FOLLOW, ['--store', '--top']],
  [HOURS_ONCE, ['--input', '--seed', '--lateness']],
])('%s --help shows what there is', async (program, options) => {
  const { output, errors, code } = await run(program, ['--help'])
  for (const option of options) expect(output).toContain(option)
  expect(errors).toBe('')
  expect(code).toBe(0)
})
