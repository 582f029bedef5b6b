import { Command } from 'commander'
import { bufferCount, map, type Observable } from 'rxjs'
import type { Entry, KVStore, ListOptions } from '../../index.ts'
import { Invocation, jsonLine } from '../invocation.ts'
import {
  type ValueCommandOptions,
  wholeNumberFrom,
  withFormatOptions,
  withStore,
  withStoreOptions,
} from '../store.ts'
import { type Format, formatOf, lineOf, shownKey, shownValue } from '../values.ts'

interface Options extends ValueCommandOptions, ListOptions {
  readonly keys?: boolean
  readonly timeout: number
}

/** How many lines to write at a time. */
const LINES = 256

/** `rxkeeper list` */
export const listCommand = (): Command =>
  withFormatOptions(withStoreOptions(new Command('list')))
    .summary('list keys and values')
    .description('Lists entries in the order of their keys.')
    .option('-p, --prefix <prefix>', 'only keys that begin so')
    .option('--from <key>', 'from this key on')
    .option('--to <key>', 'up to this key, without it')
    .option('--reverse', 'from the last key to the first')
    .option('-n, --limit <count>', 'at most so many', wholeNumberFrom(0))
    .option('--keys', 'keys alone')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper list --prefix JFK- --store zookeeper://localhost:2181/routes
  $ rxkeeper list --keys | head
  $ rxkeeper list --from a --to n --reverse --limit 10`,
    )
    .action(async (options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        withStore(session, options, async store => {
          const lines$ = linesOf(store, session, options).pipe(bufferCount(LINES))
          await session.each(lines$, lines => session.out.line(lines.join('\n')))
        }),
      )
    })

function linesOf(store: KVStore<Uint8Array>, session: Invocation, options: Options): Observable<string> {
  const { prefix, from, to, reverse, limit, keys } = options
  const range = { prefix, from, to, reverse, limit }
  if (keys) {
    return store.keys$(range).pipe(map(key => (session.json ? jsonLine({ key }) : shownKey(key))))
  }
  const format = formatOf(options)
  return store
    .entries$(range)
    .pipe(map(entry => (session.json ? lineOf(entry, format) : shownEntry(entry, session, format))))
}

const shownEntry = (
  { key, value, version }: Entry<Uint8Array>,
  { colors }: Invocation,
  format: Format,
): string => `${colors.cyan(shownKey(key))}  ${shownValue(value, format)}  ${colors.dim(`v${version}`)}`
