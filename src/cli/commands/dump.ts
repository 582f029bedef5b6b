import { createReadStream, createWriteStream, existsSync, renameSync, truncateSync } from 'node:fs'
import { Command } from 'commander'
import { bufferCount } from 'rxjs'
import type { KVStore } from '../../index.ts'
import { linesOf } from '../lines.ts'
import { Output } from '../output.ts'
import { counted, Progress } from '../progress.ts'
import { Session } from '../session.ts'
import { type ValueCommandOptions, withFormatOptions, withStore, withStoreOptions } from '../store.ts'
import { exactLineOf, formatOf } from '../values.ts'

interface Options extends ValueCommandOptions {
  readonly prefix?: string
  readonly resume?: boolean
}

/** How many lines to write at a time. */
const LINES = 256

/** `rxkeeper dump FILE` */
export const dumpCommand = (): Command =>
  withFormatOptions(withStoreOptions(new Command('dump')))
    .summary('write all entries as NDJSON')
    .description(
      'Writes a line {"key": …, "value": …, "version": …} for each entry, in the order of their keys ("base64" stands for a ' +
        'value that is not JSON, or has line ends), for load, which writes the same bytes, or any other program. A file ' +
        'gets its name when it is complete; until then it is FILE.part.',
    )
    .argument('[file]', "'-' or none for stdout")
    .option('-p, --prefix <prefix>', 'only keys that begin so')
    .option('--resume', 'go on after the last entry of FILE.part')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper dump visits.ndjson --store zookeeper://localhost:2181/visits
  $ rxkeeper dump --prefix JFK- | wc -l
  $ rxkeeper dump visits.ndjson --resume     # after an interruption`,
    )
    .action(async (file: string | undefined, options: Options) => {
      process.exitCode = await new Session(options).run(session =>
        withStore(session, options, store =>
          file === undefined || file === '-'
            ? write(session, store, session.out, options, undefined)
            : dumpTo(file, session, store, options),
        ),
      )
    })

async function dumpTo(
  file: string,
  session: Session,
  store: KVStore<Uint8Array>,
  options: Options,
): Promise<void> {
  const part = `${file}.part`
  const last = options.resume && existsSync(part) ? await lastKeyOf(part) : undefined
  const out = new Output(createWriteStream(part, { flags: last === undefined ? 'w' : 'a' }))
  let written = 0
  try {
    written = await write(session, store, out, options, last)
  } catch (error) {
    session.say(`stopped: ${part} is not complete; with --resume the same goes on there`)
    throw error
  } finally {
    await out.end()
  }
  out.closed.throwIfAborted()
  renameSync(part, file)
  session.show({ dumped: written }, `dumped ${counted(written, 'entry', 'entries')}`)
}

/** Writes the entries after the key `last`; returns their number. */
async function write(
  session: Session,
  store: KVStore<Uint8Array>,
  out: Output,
  options: Options,
  last: string | undefined,
): Promise<number> {
  const { prefix } = options
  const format = formatOf(options)
  const progress = new Progress(session, undefined, out)
  let written = 0
  try {
    // The next key after `last` is `last` with a NUL.
    const entries$ = store.entries$({ prefix, from: last === undefined ? undefined : `${last}\0` })
    await session.each(entries$.pipe(bufferCount(LINES)), entries => {
      written += entries.length
      progress.update(0, counted(written, 'entry', 'entries'))
      return out.line(entries.map(entry => exactLineOf(entry, format)).join('\n'))
    })
  } finally {
    progress.stop()
  }
  return written
}

/** The key of the last whole line of a file; truncates the file after it. */
async function lastKeyOf(file: string): Promise<string | undefined> {
  let key: string | undefined
  let end = 0
  for await (const line of linesOf(createReadStream(file))) {
    if (!line.whole) break
    key = (JSON.parse(line.text) as { key: string }).key
    end = line.end
  }
  truncateSync(file, end)
  return key
}
