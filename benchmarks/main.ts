import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findZooKeeper } from 'rxkeeper/testing'
import { htmlPage } from './report/html.ts'
import { resultsOf } from './report/results.ts'
import { preamble, summary, table } from './report/table.ts'
import { Arena } from './runner/arena.ts'
import { bundle } from './runner/bundle.ts'
import { compare, type Outcome, type Pace } from './runner/compare.ts'
import { firstLine, machine, packageVersion } from './runner/machine.ts'
import type { Comparison } from './runner/question.ts'
import { questions } from './runner/questions.ts'

const HELP = `Usage: npm run bench -- [options]

  --only NAME       ask only this question, or make only this comparison (repeatable; a comma separates several)
  --contender NAME  let only these contenders in (repeatable; a comma separates several)
  --quick           the headline ratios, in short rounds: within a minute
  --rounds N        how many rounds (default 5; quick 3)
  --json            one JSON object a line
  --html FILE       write one self-contained page with charts
  --list            list the questions

Questions:
${questions.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    html: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const named = (list: readonly string[] | undefined): string[] | undefined =>
  list?.flatMap(each => each.split(',')).map(each => each.trim())

/** What a quick run compares with, beside the contenders that have a target. */
const isHeadline = (comparison: Comparison) => (name: string) =>
  name.startsWith('rxkeeper')
    ? Object.keys(comparison.targets ?? {}).some(
        target => !target.includes(':') || target.startsWith(`${name}:`),
      )
    : Object.keys(comparison.targets ?? {}).some(target => target === name || target.endsWith(`:${name}`))

function chosen(only: readonly string[] | undefined): Comparison[] {
  const all = questions.flatMap(question => question.comparisons)
  if (only === undefined) {
    return values.quick
      ? questions.flatMap(({ headlines = [] }) =>
          headlines.map(name => all.find(each => each.name === name)!),
        )
      : all
  }
  return only.flatMap(name => {
    const found =
      questions.find(question => question.name === name)?.comparisons ??
      all.filter(each => each.name === name)
    if (found.length === 0) fail(`no question or comparison is called ${name}; --list shows them`)
    return found
  })
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

async function main(): Promise<void> {
  if (values.help || values.list) {
    console.log(HELP)
    return
  }
  const comparisons = chosen(named(values.only))
  const contenders = named(values.contender)
  const pace: Pace = values.quick
    ? { rounds: Number(values.rounds ?? 3), roundTime: 300, warmUpTime: 500 }
    : { rounds: Number(values.rounds ?? 5), roundTime: 1000, warmUpTime: 1500 }
  const host = machine({
    rxjs: packageVersion('rxjs'),
    ZooKeeper: zooKeeperVersion(),
    Java: firstLine(findZooKeeper().java, ['--version']),
  })
  const outcomes: Outcome[] = []
  using scripts = await bundle()
  const arena = new Arena(values.quick ? 2500 : 5000, scripts.writer)
  const progress = (text: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
  }
  const stop = () => void arena.stop().then(() => process.exit(130))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    for (const [i, comparison] of comparisons.entries()) {
      const points = comparison.points ?? [undefined]
      const only = (name: string) =>
        contenders === undefined
          ? !values.quick || isHeadline(comparison)(name)
          : contenders.some(each => each === name || each === name.split('/')[0])
      const curve: Outcome[] = []
      for (const point of points) {
        progress(
          `${i + 1}/${comparisons.length} ${comparison.name}${point === undefined ? '' : ` at ${point}`} …`,
        )
        const outcome = await compare(comparison, point, pace, arena, scripts.worker, only)
        curve.push(outcome)
        if (values.json) for (const result of resultsOf(outcome)) console.log(JSON.stringify(result))
      }
      outcomes.push(...curve)
      progress('')
      if (!values.json) console.log(`\n${table(curve)}`)
    }
  } finally {
    await arena.stop()
  }
  if (!values.json) console.log(`${summary(outcomes)}\n${preamble(host, outcomes)}`)
  if (values.html !== undefined) writeFileSync(values.html, htmlPage(host, outcomes))
  const failed = outcomes.flatMap(({ absences }) => absences).filter(({ optional }) => !optional)
  for (const { name, reason } of failed) console.error(`${name} failed: ${reason}`)
  if (failed.length > 0) process.exitCode = 1
}

function zooKeeperVersion(): string {
  const { java, classPath } = findZooKeeper()
  return firstLine(java, ['-cp', classPath, 'org.apache.zookeeper.Version']).replace(
    /^.*?(\d[\w.]*).*$/,
    '$1',
  )
}

await main()
