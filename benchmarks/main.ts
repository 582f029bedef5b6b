import { writeFileSync } from 'node:fs'
import { findZooKeeper } from 'rxkeeper/testing'
import { htmlPage } from './report/html.ts'
import { resultsOf } from './report/results.ts'
import { preamble, summary, table } from './report/table.ts'
import { Arena } from './runner/arena.ts'
import { bundle } from './runner/bundle.ts'
import { compare, type Outcome } from './runner/compare.ts'
import { firstLine, type Machine, machine, packageVersion } from './runner/machine.ts'
import { HELP, type Options, optionsOf, UsageError } from './runner/options.ts'

function versions(): Record<string, string> {
  try {
    const { java, classPath } = findZooKeeper()
    const zooKeeper = firstLine(java, ['-cp', classPath, 'org.apache.zookeeper.Version'])
    return {
      rxjs: packageVersion('rxjs'),
      ZooKeeper: zooKeeper.replace(/^.*?(\d+(?:\.\d+)+).*$/, '$1'),
      Java: firstLine(java, ['--version']),
    }
  } catch {
    return { rxjs: packageVersion('rxjs'), ZooKeeper: 'not installed' }
  }
}

/** Makes the comparisons one after the other; each is shown when it is done. */
async function run(options: Options): Promise<Outcome[]> {
  using scripts = await bundle({ worker: 'runner/worker.ts', writer: 'runner/writer.ts' })
  const arena = new Arena(options.quick ? 2000 : 5000, !options.quick, scripts.writer)
  const stop = () =>
    void arena.stop().then(() => {
      scripts[Symbol.dispose]()
      process.exit(130)
    })
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const outcomes: Outcome[] = []
  const { comparisons, pace, json, takesPart } = options
  try {
    for (const [i, comparison] of comparisons.entries()) {
      const curve: Outcome[] = []
      for (const point of comparison.points ?? [undefined]) {
        const at = point === undefined ? '' : ` at ${point}`
        progress(`${i + 1}/${comparisons.length} ${comparison.name}${at} …`)
        const only = (name: string) => takesPart(comparison, name)
        const outcome = await compare(comparison, point, pace, arena, scripts.worker, only)
        curve.push(outcome)
        if (json) for (const result of resultsOf(outcome)) console.log(JSON.stringify(result))
      }
      progress('')
      outcomes.push(...curve)
      if (!json) console.log(`\n${table(curve)}`)
    }
  } finally {
    await arena.stop()
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  return outcomes
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

function report(options: Options, host: Machine, outcomes: readonly Outcome[]): void {
  if (!options.json) console.log(`${summary(outcomes)}\n${preamble(host, outcomes)}`)
  if (options.html !== undefined) writeFileSync(options.html, htmlPage(host, outcomes))
  const failed = outcomes.flatMap(({ absences }) => absences).filter(({ optional }) => !optional)
  for (const { name, reason } of failed) console.error(`${name} failed: ${reason}`)
  if (failed.length > 0) process.exitCode = 1
}

try {
  const options = optionsOf(process.argv.slice(2))
  if (options.help) console.log(HELP)
  else report(options, machine(versions()), await run(options))
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
