/*
 * A process of a job on three partitions whose keys have timers: prints what comes of records and timers, as soon as the system has
 * the line. Arguments: the URL of the store, how many records each partition has.
 */
import { job, json, processKV } from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'
import { fire, PARTITIONS, type Past, show, type Tick, tick, ticksOf } from '../support/timed.ts'

const [store, count] = process.argv.slice(2) as [string, string]

await job<Tick, Past, string>({
  name: 'ticks',
  value: json<Past>(),
  store,
  input: memoryInput(Object.fromEntries(PARTITIONS.map(each => [each, ticksOf(each, Number(count))]))),
  pipeline: ({ commit, store }) =>
    processKV(
      store,
      ({ record }) => record.key,
      ({ record }, past, timers) => tick(record, past, timers),
      {
        ...commit,
        commitSize: 32,
        project: ({ record: { key } }, past) => show(key, past),
        timers: {
          timeOf: ({ record }) => record.at,
          onTimer: fire,
          project: ({ key }, past) => show(key, past!),
        },
      },
    ),
  // One after the other: slower than the loop, so that commits wait for their outputs.
  output: line => new Promise<void>(done => process.stdout.write(`${line}\n`, () => done())),
}).run()
