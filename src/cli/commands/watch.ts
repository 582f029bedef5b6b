import { Command } from 'commander'
import type { Change } from '../../index.ts'
import { CliError, ExitCode } from '../exit-codes.ts'
import { Invocation, jsonLine } from '../invocation.ts'
import { type ValueCommandOptions, withFormatOptions, withStore, withStoreOptions } from '../store.ts'
import { type Format, formatOf, lineOf, shownKey, shownValue } from '../values.ts'

interface Options extends ValueCommandOptions {
  readonly prefix?: string
}

/** `rxkeeper watch KEY` and `rxkeeper watch --prefix PREFIX` */
export const watchCommand = (): Command =>
  withFormatOptions(withStoreOptions(new Command('watch')))
    .summary('show changes as they happen')
    .description(
      'Shows the value of a key, or the entries of all keys with a prefix, now and at every change, until interrupted. ' +
        'Changes that follow each other closely are shown as one; after a lost connection what was missed is shown.',
    )
    .argument('[key]')
    .option('-p, --prefix <prefix>', "all keys that begin so; '' for all there are")
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper watch alice --store zookeeper://localhost:2181/visits
  $ rxkeeper watch --prefix JFK-
  $ rxkeeper watch --prefix '' --json | jq .key

The lines of JSON are {"type": "put", "key", "value", "version"} (a watched key's has no version), {"type": "delete",
"key"}, and with --prefix {"type": "synced"} when all that is there has been shown.`,
    )
    .action(async (key: string | undefined, options: Options) => {
      process.exitCode = await new Invocation(options).run(session => {
        const { prefix } = options
        if ((key === undefined) === (prefix === undefined)) {
          throw new CliError('watch a key, or all with a --prefix', ExitCode.usage)
        }
        return withStore(session, options, store => {
          const format = formatOf(options)
          if (key === undefined) {
            return session.each(store.changes$({ prefix }), change =>
              session.out.line(told(change, session, format)),
            )
          }
          return session.each(store.watch$(key), value =>
            session.out.line(
              told(
                value === undefined ? { type: 'delete', key } : { type: 'put', key, value },
                session,
                format,
              ),
            ),
          )
        })
      })
    })

type Shown =
  | Exclude<Change<Uint8Array>, { type: 'put' }>
  | (Omit<Change<Uint8Array> & { type: 'put' }, 'version'> & { version?: number })

function told(change: Shown, { json, colors }: Invocation, format: Format): string {
  if (json) return change.type === 'put' ? lineOf(change, format) : jsonLine(change)
  const time = colors.dim(new Date().toLocaleTimeString())
  if (change.type === 'synced') return `${time}  ${colors.dim('that is all; now changes')}`
  const key = colors.cyan(shownKey(change.key))
  if (change.type === 'delete') return `${time}  ${key}  ${colors.dim('absent')}`
  return `${time}  ${key}  ${shownValue(change.value, format)}${change.version === undefined ? '' : `  ${colors.dim(`v${change.version}`)}`}`
}
