import { addAbortSignal } from 'node:stream'
import { Command, InvalidArgumentError } from 'commander'
import { defer } from 'rxjs'
import type { ExpectedVersion } from '../../index.ts'
import { wholeOf } from '../input.ts'
import { Invocation } from '../invocation.ts'
import {
  type ValueCommandOptions,
  versionFrom,
  withFormatOptions,
  withStore,
  withStoreOptions,
} from '../store.ts'
import { bytesOf, formatOf, shownKey } from '../values.ts'

interface Options extends ValueCommandOptions {
  readonly ifVersion?: ExpectedVersion
}

/** Parses `--if-version`. */
export const expectedVersionFrom = (text: string): ExpectedVersion => {
  if (text === 'absent') return 'absent'
  try {
    return versionFrom(text)
  } catch {
    throw new InvalidArgumentError("It must be a version, or 'absent'.")
  }
}

/** `rxkeeper put KEY VALUE` */
export const putCommand = (): Command =>
  withFormatOptions(withStoreOptions(new Command('put')))
    .summary('write the value of a key')
    .description(
      'Writes the value of a key: JSON, of which only white space is left out, or what --text or --bytes say.',
    )
    .argument('<key>')
    .argument('[value]', "the value; from stdin when it is '-' or left out (--bytes then takes it as it is)")
    .option(
      '--if-version <version>',
      "only if the key has this version, or is 'absent'; else exit with 4",
      expectedVersionFrom,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper put alice '{"visits": 1}' --store zookeeper://localhost:2181/visits
  $ rxkeeper put greeting 'Good morning' --text
  $ rxkeeper put photo --bytes < photo.jpg
  $ rxkeeper put alice 2 --if-version 0`,
    )
    .action(async (key: string, value: string | undefined, options: Options) => {
      process.exitCode = await new Invocation(options).run(async session => {
        const given =
          value === undefined || value === '-'
            ? await session.one(
                defer(() => wholeOf(addAbortSignal(session.stopping, process.stdin), 'stdin')),
              )
            : value
        const content = bytesOf(given, formatOf(options))
        await withStore(session, options, async store => {
          const { version } = await session.one(store.put$(key, content, { ifVersion: options.ifVersion }))
          session.show({ key, version }, `${shownKey(key)} ${session.colors.dim(`version ${version}`)}`)
        })
      })
    })
