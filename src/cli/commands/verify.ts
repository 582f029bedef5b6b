import { Command, Option } from 'commander'
import { type CompareEvent, type Comparison, type Contents, compareStores$ } from '../../index.ts'
import { CliError } from '../exit-codes.ts'
import { type CommonOptions, Invocation } from '../invocation.ts'
import { count, counted, Progress } from '../progress.ts'
import { timeoutOption, wholeNumberFrom, withFormatOptions } from '../store.ts'
import { type Format, type FormatOptions, formatOf, shownKey, shownValue } from '../values.ts'

interface Options extends CommonOptions, FormatOptions {
  readonly timeout: number
  readonly show: number
}

const TIMEOUT = 60_000
/** How many differences are shown by default. */
const SHOWN = 10

/** `rxkeeper verify LEFT RIGHT` */
export const verifyCommand = (): Command =>
  withFormatOptions(new Command('verify'))
    .summary('compare two stores')
    .description(
      'Compares the keys and values of two stores, in the order of their keys, shows the first that differ, and the number of ' +
        'entries and a SHA-256 of each. Exits with 1 where they differ. Versions do not count; what is written meanwhile may ' +
        'or may not be seen. A store that has been moved can be compared, too.',
    )
    .argument('<left>', 'the URL of a store')
    .argument('<right>', 'that of another')
    .addOption(
      new Option('--show <count>', 'how many differences to show, at most')
        .default(SHOWN)
        .argParser(wholeNumberFrom(0)),
    )
    .addOption(timeoutOption('how long an operation may take', TIMEOUT))
    .option('--json', 'lines of JSON, also on a terminal')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper verify zookeeper://a:2181/visits 'zookeeper://a:2181;d:2181/visits-2'`,
    )
    .action(async (left: string, right: string, options: Options) => {
      process.exitCode = await new Invocation(options).run(session => verify(session, left, right, options))
    })

async function verify(session: Invocation, left: string, right: string, options: Options): Promise<void> {
  const { show, timeout } = options
  const format = formatOf(options)
  const progress = new Progress(session, undefined, session.out)
  let shown = 0
  let found: Comparison | undefined
  const hear = (event: CompareEvent): void => {
    if (event.type === 'progress') progress.update(0, counted(event.entries, 'entry', 'entries'))
    else if (event.type === 'compared') found = event.comparison
    else if (shown++ < show) {
      const { key } = event.difference
      const [one, other] = [shownOr(event.difference.left, format), shownOr(event.difference.right, format)]
      session.show(
        { key, left: one ?? null, right: other ?? null },
        `${shownKey(key)}: ${one ?? 'absent'} | ${other ?? 'absent'}`,
      )
    }
  }
  try {
    await session.each(compareStores$({ left, right, timeout }), event => hear(event) as undefined)
  } finally {
    progress.stop()
  }
  const { differences, ...sides } = found!
  session.show(
    { differences, ...sides },
    `left:  ${shownContents(sides.left)}\nright: ${shownContents(sides.right)}`,
  )
  if (differences > 0) throw new CliError(`${count(differences)} of the keys differ`)
}

const shownOr = (value: Uint8Array | undefined, format: Format): string | undefined =>
  value && shownValue(value, format)

const shownContents = ({ entries, checksum }: Contents): string =>
  `${counted(entries, 'entry', 'entries')}, SHA-256 ${checksum}`
