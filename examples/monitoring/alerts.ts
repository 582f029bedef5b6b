/**
 * System monitoring, the alerts: follows the metrics of all hosts, raises an alert when one has been too high, clears it
 * when it is well below again, and tells of hosts that have gone silent. What is raised is kept in the store, so that
 * it is neither forgotten nor told again when this process is restarted, or runs twice.
 *
 *   npx tsx --conditions=rxkeeper-source examples/monitoring/alerts.ts --help
 */
import { parseArgs } from 'node:util'
import { concat, filter, ignoreElements, type Observable, tap } from 'rxjs'
import { job, json, type KVStore, openStore } from 'rxkeeper'
import { type Alert, judge } from './hysteresis.ts'
import { keepRunning, PATIENCE } from './keep-running.ts'
import type { Metric } from './metric.ts'
import { RULES_USAGE, type Rules, readRules } from './rules.ts'
import { samples$ } from './samples.ts'

const USAGE = `Follows the metrics that hosts write into a store, and raises and clears alerts.

  alerts.ts --store URL [--name NAME] [--rule METRIC=ABOVE,BELOW[,READINGS]]… [--missed READINGS]

  --store URL         that of the hosts; without it, what RXKEEPER_STORE says
  --name NAME         under which the monitor shows its figures; without it, alerts
  --rule RULE         raise an alert when the metric was above ABOVE in so many readings in a row (1, where not said),
                      clear it when it is below BELOW; may be repeated. Without it there are these:
${RULES_USAGE}
  --missed READINGS   a host is silent when so many of its readings did not come; without it, 5
  --help              shows this`

interface Arguments {
  readonly store: string | undefined
  readonly name: string
  readonly rules: Rules
  readonly missed: number
}

function readArguments(args: string[]): Arguments | undefined {
  const { values } = parseArgs({
    args,
    options: {
      store: { type: 'string' },
      name: { type: 'string', default: 'alerts' },
      rule: { type: 'string', multiple: true, default: [] },
      missed: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const missed = Number(values.missed)
  if (!(missed >= 1 && missed <= 100)) {
    throw new Error(`--missed must be from 1 to 100 readings, got ${values.missed}`)
  }
  return { store: values.store, name: values.name, rules: readRules(values.rule), missed }
}

/** The alerts are kept under keys that begin so; what follows is the host and the metric. */
const ALERTS = 'alert/'

function say(what: string, name: string, { value, at }: Alert): void {
  const time = new Date(at).toTimeString().slice(0, 8)
  console.log(`${time}  ${what.padEnd(12)}  ${name}  ${Number(value?.toFixed(2) ?? 0)}`)
}

/** Says what had been raised before, and emits nothing. */
const stillRaised$ = (alerts: KVStore<Alert>): Observable<never> =>
  alerts.entries$({ prefix: ALERTS }).pipe(
    filter(({ value }) => value.state === 'raised'),
    tap(({ key, value }) => say('still raised', key.slice(ALERTS.length), value)),
    ignoreElements(),
  )

function alertsJob({ store, name, rules, missed }: Arguments, metrics: KVStore<Metric>) {
  return job({
    name,
    publish: name,
    value: json<Alert>(),
    store: () => openStore(store, { value: json<Alert>(), timeout: PATIENCE }),
    input: ({ store: alerts }) => concat(stillRaised$(alerts), samples$(metrics, rules, missed)),
    keyOf: ({ host, metric }) => `${ALERTS}${host}/${metric}`,
    transform: (sample, alert) => judge(sample.rule, sample, alert),
    project: ({ host, metric }, alert, before) => ({ name: `${host}/${metric}`, alert, before }),
    output: ({ name, alert, before }) => {
      if (alert === undefined || alert.state === before?.state) return
      if (alert.state === 'raised') say('RAISED', name, alert)
      else if (before?.state === 'raised') say('cleared', name, alert)
    },
    process: { unchanged: Object.is },
  })
}

try {
  const given = readArguments(process.argv.slice(2))
  if (given === undefined) console.log(USAGE)
  else {
    // The same place, with values of another type.
    await using metrics = openStore(given.store, { value: json<Metric>() })
    await keepRunning(alertsJob(given, metrics))
  }
} catch (error) {
  console.error(`alerts: ${(error as Error).message} (--help shows what there is)`)
  process.exitCode = 1
}
