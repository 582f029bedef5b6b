/**
 * The hours of all airports, each told once, when it is final: no flight of it will come any more, or it would be late.
 * `--help` shows what it takes.
 */
import { lastValueFrom, tap } from 'rxjs'
import { json, memoryStore, pull$, windowKV } from 'rxkeeper'
import { openInput } from '../flights/input/index.ts'
import { HOURS_USAGE, readHoursArguments } from './arguments.ts'
import { withLateOnes } from './delivery.ts'
import { addDeparture, DEPARTURE, type Departure, HOUR, type Hour } from './departure.ts'

async function main(args: string[]): Promise<void> {
  const { help, input, seed, lateness } = readHoursArguments(args)
  if (help) {
    console.log(HOURS_USAGE)
    return
  }
  const flights = await openInput(input, DEPARTURE)
  await using store = memoryStore({ value: json<Hour>() })
  let late = 0
  const hours$ = pull$(withLateOnes(flights.read(0), seed)).pipe(
    windowKV(store, ({ airport }: Departure) => airport, addDeparture, {
      timeOf: ({ time }) => time,
      size: HOUR,
      emit: 'final',
      lateness: lateness * HOUR,
      name: 'hours',
      // The store has only those that are open.
      keep: 0,
      // The flights of the file are all that there will be.
      closeAtEnd: true,
      deadLetter({ error }) {
        if (error.code !== 'LATE') throw error
        late++
      },
    }),
    tap(({ key, start, value: { flights, minutes } }) =>
      console.log(`${new Date(start).toISOString()},${key},${flights},${minutes}`),
    ),
  )
  await lastValueFrom(hours$, { defaultValue: undefined })
  if (late > 0) console.error(`${late} flights came too late for their hour.`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`hours: ${(error as Error).message}`)
  process.exitCode = 1
}
