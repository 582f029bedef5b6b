import { createWriteStream } from 'node:fs'
import { hostname } from 'node:os'
import { Command, Option } from 'commander'
import { finalize } from 'rxjs'
import {
  configEnvironment,
  configFile,
  type DeadLetter,
  type JobFigures,
  pull$,
  type RunOptions,
} from '../../index.ts'
import { statOf } from '../bookmark.ts'
import { escapeControls } from '../controls.ts'
import { CliError, ExitCode, messageOf } from '../exit-codes.ts'
import { type HealthAddress, HealthServer, healthAddressFrom } from '../health.ts'
import { FORMATS, Input, type InputFormat, type Unreadable } from '../input.ts'
import { Invocation, jsonLine } from '../invocation.ts'
import { type AnyJob, loadJob } from '../load-module.ts'
import { Output } from '../output.ts'
import { count, counted, Progress } from '../progress.ts'
import { SharedFiles } from '../shared-files.ts'
import { Stopped } from '../stopped.ts'

interface Options {
  readonly store?: string
  readonly input?: string
  readonly inputFormat?: InputFormat
  readonly group?: string | true
  readonly output?: string
  readonly deadLetter?: string
  readonly config?: string
  readonly publish?: string | true
  readonly health?: HealthAddress
  readonly json?: boolean
}

/** `rxkeeper process MODULE` */
export const processCommand = (): Command =>
  new Command('process')
    .summary('run a job')
    .description(
      'Runs the job that a module exports by default, JavaScript or (with tsx in your project) TypeScript, until the end ' +
        'of its input. The first Ctrl-C takes no more records and lets what is in flight finish; a second ends at once.',
    )
    .argument('<module>')
    .option('-s, --store <url>', "where the state is (default: the job's, else $RXKEEPER_STORE)")
    .option('-i, --input <file>', "the records; '-' is stdin (default: the job's, else stdin)")
    .addOption(
      new Option(
        '--input-format <format>',
        'what the input is (default: by its name; ndjson on stdin)',
      ).choices(FORMATS),
    )
    .option(
      '-g, --group [name]',
      "share the input, files by name or pattern, with the other processes of this group (default: the job's name)",
    )
    .option(
      '-o, --output <file>',
      "the outputs as NDJSON; '-' is stdout, 'none' is nowhere (default: the job's, else stdout)",
    )
    .option('--dead-letter <file>', 'the records that fail, as NDJSON with their errors; the others go on')
    .option('-c, --config <file>', "the job's config, a JSON file; JOB_NAME_FIELD in the environment wins")
    .option('--publish [name]', 'publish the figures in the store, for rxkeeper monitor to show')
    .option(
      '--health <[host:]port>',
      'answer GET /healthz and /readyz there, on this machine unless a host is given; port 0 is any that is free',
      healthAddressFrom,
    )
    .option('--json', 'lines of JSON on stderr about what the job does')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper process count-visits.ts --input visits.ndjson --store zookeeper://localhost:2181/visits
  $ tail -f access.ndjson | rxkeeper process count-visits.ts --output none
  $ rxkeeper process count-visits.ts -i visits.ndjson -o none --health 0.0.0.0:8080
  $ rxkeeper process count-visits.ts -i 'visits/*.ndjson' --group -o none # in as many terminals as you like
  $ COUNT_VISITS_MIN_AGE=18 rxkeeper process count-visits.ts -i visits.csv -o counts.ndjson --dead-letter bad.ndjson

count-visits.ts:
  import { job, json } from 'rxkeeper'

  export default job({
    name: 'count-visits',
    value: json<number>(),
    keyOf: (visit: { user: string }) => visit.user,
    transform: (_, count = 0) => count + 1,
  })`,
    )
    .action(async (module: string, options: Options) => {
      process.exitCode = await new Invocation(options).run(async session => {
        const job = await loadJob(module)
        session.stopping.throwIfAborted()
        const health = options.health && (await HealthServer.listen(options.health))
        try {
          await run(session, job, options, health)
        } finally {
          await health?.close()
        }
      })
    })

async function run(
  session: Invocation,
  job: AnyJob,
  options: Options,
  health: HealthServer | undefined,
): Promise<void> {
  const { definition } = job
  const inputFile = options.input ?? (definition.input === undefined ? '-' : undefined)
  const outputFile = options.output ?? (definition.output === undefined ? '-' : undefined)
  const isShared = options.group !== undefined && inputFile !== undefined
  if (isShared && inputFile === '-') {
    throw new CliError('what is to be shared with a group must be files: --input', ExitCode.usage)
  }
  // Before creating files: an input that cannot be read must leave nothing behind.
  const size = inputFile === undefined || inputFile === '-' || isShared ? undefined : statOf(inputFile).size
  const letters =
    options.deadLetter === undefined ? undefined : new Output(createWriteStream(options.deadLetter))
  const output = outputFile === undefined || outputFile === 'none' ? undefined : outputTo(session, outputFile)
  const unreadable = unreadableTo(letters)
  const input =
    inputFile === undefined || isShared ? undefined : new Input(inputFile, options.inputFormat, unreadable)
  const shared = isShared ? new SharedFiles(inputFile, options.inputFormat, unreadable) : undefined
  const progress = new Progress(session, size, output)
  const config = [configEnvironment()]
  const runOptions: RunOptions<unknown, unknown, unknown, unknown> = {
    store: options.store,
    config: options.config === undefined ? config : [configFile(options.config), ...config],
    input: input === undefined ? shared?.input : pull$(input.records()).pipe(finalize(() => input.stop())),
    group: options.group === true ? undefined : options.group,
    output:
      outputFile === 'none' ? 'none' : output === undefined ? undefined : result => writeTo(output, result),
    deadLetter: letters === undefined ? undefined : letter => letters.line(jsonLine(lineOf(letter))),
    publish: options.publish === true ? `${job.name}@${hostname()}:${process.pid}` : options.publish,
    // The session handles them.
    signals: [],
  }
  const running = job.run(runOptions)
  if (health !== undefined) {
    health.follow(running)
    session.say(options.json ? jsonLine({ type: 'health', url: health.url }) : `health: ${health.url}`)
  }
  session.stopping.addEventListener('abort', () => {
    const { reason } = session.stopping
    running.stop(reason instanceof Stopped ? reason.signal : undefined)
  })
  running.subscribe({
    next: event => {
      if (options.json) session.say(escapeControls(JSON.stringify(event, showErrors)))
      else if (event.type === 'figures') progress.update(input?.bytes ?? 0, progressOf(event.figures))
      else if (event.type === 'lost') session.say(`${job.name}: ${event.error.message}`)
    },
    error: () => {},
  })
  try {
    const { exitCode, figures } = await running.then(undefined, explain)
    progress.stop()
    if (!options.json) session.say(summaryOf(job.name, figures, (input ?? shared)?.unreadable ?? 0))
    if (exitCode !== ExitCode.ok) throw new Stopped(exitCode)
  } finally {
    progress.stop()
    for (const file of [letters, output === session.out ? undefined : output]) await file?.end()
  }
  for (const file of [letters, output]) file?.closed.throwIfAborted()
}

const outputTo = (session: Invocation, file: string): Output =>
  file === '-' ? session.out : new Output(createWriteStream(file))

function writeTo(output: Output, result: unknown): Promise<void> | undefined {
  // Nobody reads any more: the job is stopping.
  if (output.closed.reason instanceof Stopped) return undefined
  const line = JSON.stringify(result)
  return line === undefined ? undefined : output.line(escapeControls(line))
}

const unreadableTo = (letters: Output | undefined): Unreadable | undefined =>
  letters && ((text, { message }) => void letters.line(jsonLine({ text, error: { message } })))

const lineOf = ({ record, error: { code, message } }: DeadLetter<unknown>): object => ({
  record,
  error: { code, message },
})

const showErrors = (_: string, value: unknown): unknown =>
  value instanceof Error ? { ...value, message: value.message } : value

const shownTime = (milliseconds: number): string =>
  Number.isNaN(milliseconds) ? '–' : `${milliseconds < 10 ? milliseconds.toFixed(1) : count(milliseconds)} ms`

const progressOf = ({ total, interval, deadLetters }: JobFigures): string =>
  [
    counted(total.records, 'record', 'records'),
    `${count(interval.throughput || 0)}/s`,
    `p99 ${shownTime(interval.percentiles.p99)}`,
    ...(deadLetters > 0 ? [counted(deadLetters, 'dead letter', 'dead letters')] : []),
  ].join('  ')

const summaryOf = (name: string, { total, deadLetters }: JobFigures, unreadable: number): string =>
  `${name}: ${counted(total.records, 'record', 'records')} in ${(total.elapsed / 1000).toFixed(1)} s, ` +
  `${count(total.throughput || 0)} records/s, latency ${shownTime(total.latency)} (p99 ${shownTime(total.percentiles.p99)}), ` +
  `availability ${(100 * total.availability).toFixed(1)} %` +
  (deadLetters > 0 ? `, ${counted(deadLetters, 'dead letter', 'dead letters')}` : '') +
  (unreadable > 0 ? `, ${counted(unreadable, 'line', 'lines')} unreadable` : '')

/** Bad keys come from the records, not from a wrong use of the command. */
function explain(error: unknown): never {
  throw (error as { code?: unknown }).code === 'INVALID_KEY' ? new CliError(messageOf(error)) : error
}
