/*
 * A process that counts flights by airport, together with others. Reads no more than so many records until it is told to
 * go on (a line on its input), so that the work is not done before the others are hurt. Arguments: the URL of the store, the
 * file, the size of a partition in bytes, how many records it may read at first.
 */
import { once } from 'node:events'
import { type Delivered, job, json } from 'rxkeeper'
import { filesInput } from 'rxkeeper/inputs/files'

interface Flight {
  readonly origin: string
  readonly delay: number
}

const [store, file, partitionBytes, allowance] = process.argv.slice(2) as [string, string, string, string]
const files = filesInput<Flight>({ files: file, partitionBytes: Number(partitionBytes) })
const mayGoOn = once(process.stdin, 'data').then(() => process.stdin.destroy())
let left = Number(allowance)

async function* limited<P>(
  records: AsyncIterable<Delivered<Flight, P>>,
): AsyncGenerator<Delivered<Flight, P>> {
  for await (const record of records) {
    if (--left < 0) await mayGoOn
    yield record
  }
}

await job({
  name: 'flights',
  value: json<{ flights: number; late: number }>(),
  store,
  input: {
    partitions$: files.partitions$,
    read: (partition, after: number | undefined) => limited(files.read(partition, after)),
  },
  keyOf: flight => flight.origin,
  transform: ({ delay }, { flights, late } = { flights: 0, late: 0 }) => ({
    flights: flights + 1,
    late: delay > 15 ? late + 1 : late,
  }),
  output: 'none',
}).run()
process.stdin.destroy()
