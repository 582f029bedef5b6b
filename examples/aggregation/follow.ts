/**
 * Follows the aggregation of `main.ts` from another process: watches the store, keeps the ranking of the airports, and
 * shows it whenever it has changed. `--help` shows what it takes.
 */
import { auditTime, lastValueFrom, takeUntil, tap } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { connected } from '../connected.ts'
import { interrupted$ } from '../interrupted.ts'
import { FOLLOW_USAGE, readFollowArguments } from './arguments.ts'
import { Board, REFRESH, topTable } from './board.ts'
import type { Hour } from './departure.ts'
import { top$ } from './top.ts'

async function main(args: string[]): Promise<void> {
  const { help, store: url, top } = readFollowArguments(args)
  if (help) {
    console.log(FOLLOW_USAGE)
    return
  }
  await using store = openStore(url, { value: json<Hour>() })
  await connected(store)
  const board = new Board(process.stdout)
  const shown$ = top$(store, top).pipe(
    auditTime(REFRESH),
    takeUntil(interrupted$),
    tap(airports => board.show(topTable(airports))),
  )
  await lastValueFrom(shown$, { defaultValue: undefined })
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(`follow: ${(error as Error).message}`)
  process.exitCode = 1
}
