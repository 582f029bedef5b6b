/*
 * A job that counts numbered records by key and prints, for each, its partition, position, key and count, as soon as the system
 * has the line. Arguments: the URL of the store, how the records are read (`position`, or in `partitions`), how many there are.
 */
import { job, json } from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'

const [store, how, count] = process.argv.slice(2) as [string, string, string]
const all = Array.from({ length: Number(count) }, (_, number) => ({ number }))
const partitions = Object.fromEntries([0, 1, 2].map(p => [`p${p}`, all.map(({ number }) => ({ p, number }))]))

await job({
  name: 'counting',
  value: json<number>(),
  store,
  input:
    how === 'partitions'
      ? memoryInput(partitions)
      : ({ position }) => partitions.p0!.slice((position as number | undefined) ?? 0),
  position: how === 'partitions' ? undefined : { key: 'position', of: ({ number }) => number + 1 },
  keyOf: ({ p, number }) => `${p}-${number % 10}`,
  transform: (_, count = 0) => count + 1,
  project: (_, count) => count!,
  // One after the other: slower than the loop, so that commits wait for their outputs.
  output: (counted, { partition = 'p0', position }) =>
    new Promise<void>(done => process.stdout.write(`${partition} ${position} ${counted}\n`, () => done())),
  process: { commitSize: 64 },
}).run()
