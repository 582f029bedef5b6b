import { connect, defer, map, merge, mergeMap, type Observable } from 'rxjs'
import type { KVStore } from 'rxkeeper'
import type { Alert, Rule } from './hysteresis.ts'
import { PATIENCE } from './keep-running.ts'
import { METRICS, type Metric } from './metric.ts'
import { type Rules, ruleFor } from './rules.ts'
import { type Sign, silence } from './silence.ts'

/** A change of a metric. */
interface Heard {
  readonly host: string
  readonly metric: string
  /** `undefined` where it was deleted. */
  readonly now: Metric | undefined
  /** Whether it happened just now, and was not there before. */
  readonly isNews: boolean
}

/** What is judged: a reading, with the rule for it. */
export interface Sample extends Pick<Alert, 'value' | 'at'> {
  readonly host: string
  readonly metric: string
  readonly rule: Rule
}

const heard$ = (metrics: KVStore<Metric>): Observable<Heard> =>
  defer(() => {
    let isNews = false
    return metrics.changes$({ prefix: METRICS }).pipe(
      mergeMap((change): Heard[] => {
        if (change.type === 'synced') {
          isNews = true
          return []
        }
        const [, host = '', metric = ''] = /^([^/]*)\/(.*)$/s.exec(change.key.slice(METRICS.length)) ?? []
        return [{ host, metric, now: change.type === 'put' ? change.value : undefined, isNews }]
      }),
    )
  })

/** The readings for which there is a rule, as they come. */
function samplesOf({ host, metric, now, isNews }: Heard, rules: Rules): Sample[] {
  const rule = ruleFor(rules, metric)
  if (rule === undefined || !isNews) return []
  return [{ host, metric, rule, value: now?.last, at: now?.at ?? Date.now() }]
}

const signOf = ({ host, now, isNews }: Heard, missed: number): Sign => ({
  host,
  isNews,
  patience: now && missed * now.interval,
})

/** A host that lost the store with us may find it again only after that, in milliseconds. */
const GRACE = 2 * PATIENCE

/** Silence is a metric as any other, 0 or 1. */
const sampleOfSilence = ({ host, silent }: { host: string; silent: boolean }): Sample => ({
  host,
  metric: 'silent',
  rule: { above: 0.5, below: 0.5, readings: 1 },
  value: silent ? 1 : 0,
  at: Date.now(),
})

/**
 * What there is to judge in the metrics of a store, as it comes; what was there before is not judged again, but a host of
 * which nothing more comes is.
 */
export function samples$(metrics: KVStore<Metric>, rules: Rules, missed: number): Observable<Sample> {
  const connected$ = metrics.status$.pipe(map(({ state }) => state === 'connected'))
  return heard$(metrics).pipe(
    connect(heard$ =>
      merge(
        heard$.pipe(mergeMap(heard => samplesOf(heard, rules))),
        heard$.pipe(
          map(heard => signOf(heard, missed)),
          silence(connected$, GRACE),
          map(sampleOfSilence),
        ),
      ),
    ),
  )
}
