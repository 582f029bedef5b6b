import { Command } from 'commander'
import { CliError, ExitCode } from '../exit-codes.ts'
import { Invocation } from '../invocation.ts'
import { type ValueCommandOptions, withFormatOptions, withStore, withStoreOptions } from '../store.ts'
import { formatOf, lineOf, shownKey, shownWhole } from '../values.ts'

interface Options extends ValueCommandOptions {
  readonly raw?: boolean
}

/** `rxkeeper get KEY` */
export const getCommand = (): Command =>
  withFormatOptions(withStoreOptions(new Command('get')))
    .summary('show the value of a key')
    .description('Shows the value of a key. Exits with 3 when there is no such key.')
    .argument('<key>')
    .option('--raw', 'write the bytes of the value as they are stored, and nothing else')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper get alice --store zookeeper://localhost:2181/visits
  $ rxkeeper get alice --raw > alice.json
  $ rxkeeper get alice --json | jq .version`,
    )
    .action(async (key: string, options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        withStore(session, options, async store => {
          const entry = await session.one(store.entry$(key))
          if (entry === undefined) throw new CliError(`no such key: ${shownKey(key)}`, ExitCode.notFound)
          const format = formatOf(options)
          if (options.raw) await session.out.bytes(entry.value)
          else void session.out.line(session.json ? lineOf(entry, format) : shownWhole(entry.value, format))
        }),
      )
    })
