import type { Rule } from './hysteresis.ts'

/** For a metric, or the metrics whose names end so. */
export type Rules = ReadonlyMap<string, Rule>

/** In units of the metrics. */
const DEFAULTS: readonly string[] = [
  'cpu=90,70,5',
  'load=2,1.5,5',
  'memory=90,80,3',
  'disk=90,85',
  'disk-pressure=50,25,3',
  'latency=100,50,3',
  'outstanding=100,50,3',
  'down=0.5,0.5,2',
]

export const RULES_USAGE: string = DEFAULTS.map(rule => `    ${rule}`).join('\n')

const NUMBER = '-?\\d+(?:\\.\\d+)?'
const FORM = new RegExp(`^([^=]+)=(${NUMBER}),(${NUMBER})(?:,([1-9]\\d*))?$`)

/** Reads rules of the form `METRIC=ABOVE,BELOW[,READINGS]`; of those for the same metric the last is good. */
export function readRules(given: readonly string[]): Rules {
  return new Map(
    [...DEFAULTS, ...given].map((text): [string, Rule] => {
      const [, metric = '', above, below, readings = 1] = FORM.exec(text) ?? []
      const rule = { above: Number(above), below: Number(below), readings: Number(readings) }
      if (!(rule.below <= rule.above)) {
        throw new Error(`--rule must be METRIC=ABOVE,BELOW[,READINGS] with BELOW ≤ ABOVE, got '${text}'`)
      }
      return [metric, rule]
    }),
  )
}

/** The rule for `zookeeper/localhost:2181/latency` is its own or else that for `latency`. */
export const ruleFor = (rules: Rules, metric: string): Rule | undefined =>
  rules.get(metric) ?? rules.get(metric.slice(metric.lastIndexOf('/') + 1))
