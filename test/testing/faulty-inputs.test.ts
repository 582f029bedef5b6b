import type { Delivered, PartitionedInput } from 'rxkeeper'
import {
  type ContractRecord,
  type MemoryInput,
  memoryInput,
  partitionedInputContract,
} from 'rxkeeper/testing'
import { expect, test } from 'vitest'

type Input = PartitionedInput<ContractRecord, number>
type Deliveries = AsyncGenerator<Delivered<ContractRecord, number>>

/** What is wrong with an input, which otherwise does as `input` in memory does. */
type Fault = (input: MemoryInput<ContractRecord>) => Partial<Input>

/** An input that changes what another reads; its generators cannot be ended while they wait. */
const reading =
  (
    change: (
      deliveries: AsyncIterable<Delivered<ContractRecord, number>>,
      after: number | undefined,
    ) => Deliveries,
  ): Fault =>
  input => ({ read: (partition, after) => change(input.read(partition, after), after) })

const FAULTS: Record<string, readonly [fault: Fault, fails: string]> = {
  'repeats the record of the position': [
    input => ({ read: (partition, after) => input.read(partition, after === undefined ? after : after - 1) }),
    'reads strictly after any position, which survives JSON',
  ],
  'leaves a record out when it goes on': [
    input => ({ read: (partition, after) => input.read(partition, after === undefined ? after : after + 1) }),
    'reads strictly after any position, which survives JSON',
  ],
  'gives two records in the wrong order': [
    reading(async function* (deliveries) {
      let held: Delivered<ContractRecord, number> | undefined
      for await (const delivered of deliveries) {
        if (delivered.record.n === 7) held = delivered
        else {
          yield delivered
          if (held !== undefined) yield held
          held = undefined
        }
      }
    }),
    'reads a partition in order, from the beginning',
  ],
  'gives several records one position': [
    reading(async function* (deliveries) {
      for await (const { record, position } of deliveries)
        yield { record, position: position - (position % 2) }
    }),
    'gives each record a position of its own, the same in each reading',
  ],
  'goes on where somebody else was': [
    input => {
      const iterators = new Map<string, AsyncIterable<Delivered<ContractRecord, number>>>()
      return {
        read(partition, after) {
          const shared = iterators.get(partition) ?? input.read(partition, after)
          const iterator = shared[Symbol.asyncIterator]()
          iterators.set(partition, { [Symbol.asyncIterator]: () => iterator })
          return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) }
        },
      }
    },
    'reads anew with each iterator',
  ],
  'begins behind what was committed': [
    input => ({
      read: (partition, after) => input.read(partition, after ?? input.told.get(partition)?.at(-1)),
    }),
    'takes what is told as committed late, again and out of order',
  ],
  'cannot be ended while it waits': [
    reading(async function* (deliveries) {
      yield* deliveries
    }),
    'return while it waits at the end releases all',
  ],
  'ends when it is closed, as if there were no more': [
    input => ({
      read: (partition, after) => {
        const iterator = input.read(partition, after)[Symbol.asyncIterator]()
        const done = { done: true, value: undefined } as const
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => iterator.next().catch(() => done),
            return: async () => (await iterator.return?.()) ?? done,
          }),
        }
      },
    }),
    'close rejects what is read, releases all, and can be repeated',
  ],
  'fetches all that there is': [
    reading(async function* (deliveries) {
      const fetched: Delivered<ContractRecord, number>[] = []
      for await (const delivered of deliveries) {
        fetched.push(structuredClone(delivered))
        if (fetched.length === 20_000) yield* fetched.splice(0)
      }
    }),
    'holds little while nobody takes',
  ],
  'takes anything for a position': [
    input => ({ read: (partition, after) => input.read(partition, Number(after) || undefined) }),
    'refuses what is no position',
  ],
  'does not tell of partitions that appear': [
    input => ({ partitions$: memoryInput({ p0: [], p1: [] }).partitions$, lag: input.lag.bind(input) }),
    'tells of partitions that appear',
  ],
}

// At the same time: some are found out only by waiting for what does not come.
test.concurrent.each(Object.entries(FAULTS))(
  'the contract finds an input that %s',
  async (_, [fault, fails]) => {
    const cases = new Map<string, () => Promise<void>>()
    partitionedInputContract<number>({
      name: 'faulty',
      bounded: false,
      badOptions: {},
      many: 20_000,
      runner: { describe: (_, body) => body(), it: (name, body) => cases.set(name, body) },
      place: count => {
        const partitions = Array.from({ length: count }, (_, i) => `p${i}`)
        const input = memoryInput<ContractRecord>({}, { live: true })
        for (const partition of partitions) input.append(partition)
        return {
          partitions,
          append: async (partition, records) => input.append(partition, ...records),
          addPartition: async () => {
            input.append('added')
            return 'added'
          },
          open: () => ({
            partitions$: input.partitions$,
            read: (partition, after) => input.read(partition, after),
            committed: (partition, position) => input.committed(partition, position),
            lag: (partition, after) => input.lag(partition, after),
            close: () => input.close(),
            ...fault(input),
          }),
        }
      },
    })
    await expect(cases.get(fails)!()).rejects.toThrow()
  },
)
