/**
 * The main job: the documented loop on real flights.
 *
 * For each flight it reads what is stored of the flight's route, computes the new figures, writes them, and emits when
 * that is durable. `npm start -- --help` shows what it takes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filter, firstValueFrom, lastValueFrom, mergeMap, takeUntil, tap, toArray } from 'rxjs'
import { type Figures, json, type KVStore, measure, openStore, processKV, pull$ } from 'rxkeeper'
import { connected } from '../connected.ts'
import { interrupted$ } from '../interrupted.ts'
import { readArguments, USAGE } from './arguments.ts'
import { Bookmark } from './bookmark.ts'
import { FLIGHT, type Flight } from './flight.ts'
import { type Input, openInput } from './input/index.ts'
import { INTERVAL, Progress } from './progress.ts'
import { figureTable, type NamedRoute, routeTables, summary } from './report.ts'
import { addFlight, isKeyOfState, isRoute, routeOf, type State } from './state.ts'

async function main(args: string[]): Promise<void> {
  const { help, store, input, fromStart } = readArguments(args)
  if (help) {
    console.log(USAGE)
    return
  }
  const flights = await openInput(input, FLIGHT)
  const folder = store === undefined ? await mkdtemp(join(tmpdir(), 'rxkeeper-flights-')) : undefined
  try {
    await run(store ?? `lmdb:${folder}`, flights, fromStart)
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true })
  }
}

async function run(url: string, input: Input<Flight>, fromStart: boolean): Promise<void> {
  await using store = openStore(url, { value: json<State>() })
  await connected(store)
  if (fromStart) await clear(store)
  const bookmark = await Bookmark.open(store, input.file)
  const figures = await count(store, input, bookmark)
  console.log(routeTables(await routes(store)))
  if (figures.records > 0) console.log(figureTable(figures))
  console.log(summary(input.file, bookmark.counted, figures.records))
}

/** Counts the flights that come after the bookmark, until there are no more or the user interrupts. */
async function count(store: KVStore<State>, input: Input<Flight>, bookmark: Bookmark): Promise<Figures> {
  const progress = new Progress(process.stderr)
  let figures: Figures | undefined
  const loop = processKV(store, routeOf, addFlight, { commitWith: bookmark.commitWith })
  const flights$ = pull$(input.read(bookmark.counted)).pipe(
    // Takes no more flights then, and completes when those under way are counted.
    takeUntil(interrupted$),
    measure(loop, {
      store,
      interval: INTERVAL,
      bytesOf: (flight: Flight) => flight.bytes,
      next: snapshot => {
        figures = snapshot.total
        progress.show(snapshot)
      },
    }),
    tap(() => bookmark.done()),
  )
  try {
    await lastValueFrom(flights$, { defaultValue: undefined })
  } catch (error) {
    throw bookmark.isTaken(error) ? new Error(`another run is counting ${input.file}, too`) : error
  } finally {
    progress.end()
  }
  return figures!
}

/** The routes of the store, and only those, also where it holds something else. */
function routes(store: KVStore<State>): Promise<NamedRoute[]> {
  return lastValueFrom(
    store.entries$().pipe(
      filter(({ key }) => isKeyOfState(key)),
      mergeMap(({ key, value }): NamedRoute[] => (isRoute(value) ? [[key, value]] : [])),
      toArray(),
    ),
  )
}

/** Deletes what this job has written, and only that. */
async function clear(store: KVStore<State>): Promise<void> {
  const keys = await lastValueFrom(store.keys$().pipe(filter(isKeyOfState), toArray()))
  await firstValueFrom(store.deleteAll$(keys))
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`flights: ${(error as Error).message}`)
  process.exitCode = 1
}
