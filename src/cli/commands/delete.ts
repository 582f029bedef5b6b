import { Command } from 'commander'
import { CliError, ExitCode } from '../exit-codes.ts'
import { Invocation } from '../invocation.ts'
import { type StoreCommandOptions, versionFrom, withStore, withStoreOptions } from '../store.ts'
import { shownKey } from '../values.ts'

interface Options extends StoreCommandOptions {
  readonly ifVersion?: number
}

/** `rxkeeper delete KEY…` */
export const deleteCommand = (): Command =>
  withStoreOptions(new Command('delete'))
    .summary('delete keys')
    .description('Deletes keys. Exits with 3 when one of them was not there; the others are deleted.')
    .argument('<keys...>')
    .option('--if-version <version>', 'only if the key has this version; else exit with 4', versionFrom)
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper delete alice --store zookeeper://localhost:2181/visits
  $ rxkeeper delete alice bob
  $ rxkeeper delete alice --if-version 3`,
    )
    .action(async (keys: string[], options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        withStore(session, options, async store => {
          const missing: string[] = []
          for (const key of keys) {
            const deleted = await session.one(store.delete$(key, { ifVersion: options.ifVersion }))
            if (!deleted) missing.push(shownKey(key))
            session.show(
              { key, deleted },
              `${shownKey(key)} ${session.colors.dim(deleted ? 'deleted' : 'was not there')}`,
            )
          }
          if (missing.length > 0) throw new CliError(`no such key: ${missing.join(', ')}`, ExitCode.notFound)
        }),
      )
    })
