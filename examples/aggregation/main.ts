/**
 * Real-time aggregation: delay by airport and hour, late flights counted where they belong, and the airports where it is
 * worst.
 *
 * Each flight goes into the window of its airport and hour (`windowKV`), whenever it comes. The store has the last 24 of
 * each airport; `follow.ts`, in another process, watches them and keeps the ranking. `--help` shows what it takes.
 */
import { auditTime, filter, firstValueFrom, lastValueFrom, takeUntil, tap, toArray } from 'rxjs'
import { type Figures, json, type KVStore, measure, openStore, pull$, windowKV } from 'rxkeeper'
import { connected } from '../connected.ts'
import { type Input, openInput } from '../flights/input/index.ts'
import { count, figureTable } from '../flights/report.ts'
import { interrupted$ } from '../interrupted.ts'
import { MAIN_USAGE, type MainArguments, readMainArguments } from './arguments.ts'
import { Board, REFRESH, topTable } from './board.ts'
import { paced, withLateOnes } from './delivery.ts'
import { addDeparture, DEPARTURE, type Departure, HOUR, type Hour } from './departure.ts'
import { HOURS } from './last-day.ts'
import { isHour, top$ } from './top.ts'

/** What came of the flights. */
interface Counted {
  readonly flights: number
  /** Those that came after a flight of a later hour. */
  readonly late: number
  /** Those that came when a newer hour had taken the place of theirs. */
  readonly tooLate: number
}

async function main(args: string[]): Promise<void> {
  const given = readMainArguments(args)
  if (given.help) {
    console.log(MAIN_USAGE)
    return
  }
  const input = await openInput(given.input, DEPARTURE)
  await using store = openStore(given.store ?? process.env.RXKEEPER_STORE ?? 'memory:', {
    value: json<Hour>(),
  })
  await connected(store)
  await clear(store)
  const live = process.stderr.isTTY ? show(store, given.top) : undefined
  const { counted, figures } = await aggregate(store, input, given).finally(() => live?.end())
  console.log(`${topTable(await firstValueFrom(top$(store, given.top)))}\n`)
  if (figures !== undefined) console.log(figureTable(figures))
  console.log(summary(counted, input.file))
}

/** Puts every flight where it belongs, until there are no more or the user interrupts. */
async function aggregate(
  store: KVStore<Hour>,
  input: Input<Departure>,
  { seed, rate }: MainArguments,
): Promise<{ counted: Counted; figures: Figures | undefined }> {
  const counted = { flights: 0, late: 0, tooLate: 0 }
  let figures: Figures | undefined
  const departures = withLateOnes(input.read(0), seed)
  const byHour = windowKV(store, ({ airport }: Departure) => airport, addDeparture, {
    timeOf: ({ time }) => time,
    size: HOUR,
    keep: HOURS,
  })
  const counted$ = pull$(rate === undefined ? departures : paced(departures, rate)).pipe(
    // Takes no more flights then, and completes when those under way are counted.
    takeUntil(interrupted$),
    measure(byHour, {
      store,
      bytesOf: ({ bytes }: Departure) => bytes,
      next: ({ total }) => {
        figures = total
      },
    }),
    tap(([, hour]) => {
      counted.flights++
      if (hour === undefined) counted.tooLate++
      else if (hour.late) counted.late++
    }),
  )
  await lastValueFrom(counted$, { defaultValue: undefined })
  return { counted, figures }
}

/** Shows the ranking while it changes. */
function show(store: KVStore<Hour>, count: number): { end(): void } {
  const board = new Board(process.stderr)
  const shown = top$(store, count)
    .pipe(auditTime(REFRESH))
    // What goes wrong with the store fails the counting, too.
    .subscribe({ next: top => board.show(topTable(top)), error: () => {} })
  return {
    end() {
      shown.unsubscribe()
      board.clear()
    },
  }
}

/** Deletes what an earlier run has written, and only that. */
async function clear(store: KVStore<Hour>): Promise<void> {
  const keys = await lastValueFrom(store.keys$().pipe(filter(isHour), toArray()))
  await firstValueFrom(store.deleteAll$(keys))
}

function summary({ flights, late, tooLate }: Counted, file: string): string {
  const dropped = tooLate === 0 ? '' : `, ${count(tooLate)} too late`
  return `Counted ${count(flights)} flights of ${file}, ${count(late)} of them late${dropped}.`
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`aggregation: ${(error as Error).message}`)
  process.exitCode = 1
}
