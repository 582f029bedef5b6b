import { createReadStream, createWriteStream, existsSync, renameSync, truncateSync } from 'node:fs'
import { Command, Option } from 'commander'
import { bufferCount } from 'rxjs'
import { type KVStore, pauseStore$ } from '../../index.ts'
import { Invocation } from '../invocation.ts'
import { linesOf } from '../lines.ts'
import { nodeLineOf } from '../node-lines.ts'
import { Output } from '../output.ts'
import { counted, Progress } from '../progress.ts'
import { type ValueCommandOptions, withFormatOptions, withStore, withStoreOptions } from '../store.ts'
import { exactLineOf, formatOf } from '../values.ts'

interface Options extends ValueCommandOptions {
  readonly prefix?: string
  readonly resume?: boolean
  readonly savepoint?: boolean
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
    .addOption(
      new Option(
        '--savepoint',
        'let nobody write meanwhile, so that all is of one moment, and write the positions of jobs, too',
      ).conflicts(['prefix', 'resume']),
    )
    .option('--resume', 'go on after the last entry of FILE.part')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper dump visits.ndjson --store zookeeper://localhost:2181/visits
  $ rxkeeper dump --prefix JFK- | wc -l
  $ rxkeeper dump visits.ndjson --resume     # after an interruption
  $ rxkeeper dump visits.ndjson --savepoint  # a job that is started on what load makes of it goes on there`,
    )
    .action(async (file: string | undefined, options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        options.savepoint ? savepoint(session, file, options) : dump(session, file, options),
      )
    })

const dump = (session: Invocation, file: string | undefined, options: Options): Promise<void> =>
  withStore(session, options, store =>
    file === undefined || file === '-'
      ? write(session, store, session.out, options, undefined)
      : dumpTo(file, session, store, options),
  )

async function savepoint(session: Invocation, file: string | undefined, options: Options): Promise<void> {
  const url = options.store ?? process.env.RXKEEPER_STORE ?? ''
  const paused = await session.finish(pauseStore$({ store: url, timeout: options.timeout }))
  try {
    const all = async (out: Output): Promise<number> => {
      const written = await write(session, paused.store, out, options, undefined)
      for (const node of await paused.nodes()) await out.line(nodeLineOf(node))
      // What somebody has written to meanwhile is no savepoint.
      await paused.resume()
      return written
    }
    if (file === undefined || file === '-') await all(session.out)
    else await intoFile(file, session, undefined, all)
  } finally {
    await paused[Symbol.asyncDispose]()
  }
}

async function dumpTo(
  file: string,
  session: Invocation,
  store: KVStore<Uint8Array>,
  options: Options,
): Promise<void> {
  const part = `${file}.part`
  const last = options.resume && existsSync(part) ? await lastKeyOf(part) : undefined
  try {
    await intoFile(file, session, last, out => write(session, store, out, options, last))
  } catch (error) {
    session.say(`stopped: ${part} is not complete; with --resume the same goes on there`)
    throw error
  }
}

/** Lets `work` write to FILE.part, behind the key `last` where there is one, which then becomes FILE. */
async function intoFile(
  file: string,
  session: Invocation,
  last: string | undefined,
  work: (out: Output) => Promise<number>,
): Promise<void> {
  const part = `${file}.part`
  const out = new Output(createWriteStream(part, { flags: last === undefined ? 'w' : 'a' }))
  let written = 0
  try {
    written = await work(out)
  } finally {
    await out.end()
  }
  out.closed.throwIfAborted()
  renameSync(part, file)
  session.show({ dumped: written }, `dumped ${counted(written, 'entry', 'entries')}`)
}

/** Writes the entries after the key `last`; returns their number. */
async function write(
  session: Invocation,
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
