import { map, pipe } from 'rxjs'
import {
  type Delivered,
  type JobSink,
  job,
  json,
  lookupKV,
  memoryStore,
  type Sessions,
  sessionKV,
  type Window,
  type WindowUpdate,
  windowKV,
} from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'
import { type } from './expect.ts'

interface Visit {
  readonly user: string
  readonly at: number
}

interface Sum {
  readonly sum: number
  readonly n: number
}

const visits: Visit[] = [{ user: 'alice', at: 1 }]

// The value comes from the codec alone, the record from the input; a transform may destructure its value, with a default.
job({
  name: 'sums',
  value: json<Sum>(),
  input: visits,
  keyOf: visit => visit.user,
  transform: (visit, { sum, n } = { sum: 0, n: 0 }) => ({ sum: sum + visit.at, n: n + 1 }),
  output: ([visit, value]) => {
    type<Visit>()(visit)
    type<{ sum: number; n: number }>()(value)
  },
})
job({
  name: 'counts',
  value: json<number>(),
  input: memoryInput({ p: visits }),
  keyOf: ({ user }) => user,
  transform: (_, count = 0) => (count > 9 ? undefined : count + 1),
  project: ({ user }, count, before) => `${user} ${count?.toFixed()} ${before?.toFixed()}`,
  output: text => type<string>()(text),
})
job({
  name: 'records',
  value: json<number>(),
  keyOf: (visit: Visit) => visit.user,
  transform: ({ at }, count = 0) => count + at,
})

// In a pipeline, too.
job({
  name: 'windows',
  value: json<Window<Sum>>(),
  input: memoryInput({ p: visits }),
  pipeline: ({ store, commit }) =>
    windowKV(
      store,
      ({ record }) => record.user,
      ({ record }, { sum, n } = { sum: 0, n: 0 }) => ({ sum: sum + record.at, n: n + 1 }),
      { ...commit, timeOf: ({ record }) => record.at, size: 10 },
    ),
  output: ([item, window]) => {
    type<Delivered<Visit, unknown>>()(item)
    type<WindowUpdate<Sum>>()(window)
  },
  deadLetter: ({ record }) => type<Visit>()(record),
})
job({
  name: 'sessions',
  value: json<Sessions<number>>(),
  input: () => visits,
  pipeline: ({ store, commit }) =>
    pipe(
      lookupKV(memoryStore({ value: json<string>() }), ({ record }) => record.user),
      map(([item, name = '']) => ({ ...item, name })),
      sessionKV(
        store,
        ({ record }) => record.user,
        (_, count = 0) => count + 1,
        { ...commit, deadLetter: 'fail', timeOf: ({ record }) => record.at, gap: 10 },
      ),
      map(([{ name }, session]) => `${name} ${session?.value}`),
    ),
  output: text => type<string>()(text),
})
declare const sink: JobSink<unknown, number, unknown>
type<JobSink<unknown, number, unknown>>()(sink)

// @ts-expect-error the value may be absent
job({ name: 'a', value: json<number>(), input: [1], keyOf: String, transform: (_, n) => n + 1 })
job({
  name: 'a',
  value: json<Sum>(),
  input: [1],
  keyOf: String,
  // @ts-expect-error what it returns is no value of the store
  transform: (_, { n } = { sum: 0, n: 0 }) => n,
})
// @ts-expect-error a job has a transform, or a pipeline
job({ name: 'a', value: json<number>(), input: [1], keyOf: String })
// @ts-expect-error and not both
job({ name: 'a', value: json<number>(), input: [1], keyOf: String, pipeline: _ => map(item => item) })
