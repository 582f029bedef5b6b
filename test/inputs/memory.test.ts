import fc from 'fast-check'
import { type ContractRecord, memoryInput, partitionedInputContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `p${i}`)

partitionedInputContract<number>({
  name: 'memory, live',
  bounded: false,
  badOptions: {},
  fastCheck: fc,
  runner: { describe, it },
  place: count => {
    const partitions = names(count)
    const input = memoryInput<ContractRecord>({}, { live: true })
    for (const partition of partitions) input.append(partition)
    return {
      partitions,
      append: async (partition, records) => input.append(partition, ...records),
      addPartition: async () => {
        input.append('added')
        return 'added'
      },
      open: () => input,
    }
  },
})

partitionedInputContract<number>({
  name: 'memory, bounded',
  bounded: true,
  badOptions: {},
  fastCheck: fc,
  runner: { describe, it },
  place: count => {
    const content: Record<string, ContractRecord[]> = Object.fromEntries(names(count).map(name => [name, []]))
    // What is there when it is opened for reading.
    const open = () => memoryInput(content)
    return {
      partitions: names(count),
      append: async (partition, records) => {
        content[partition]!.push(...records)
      },
      open: () => {
        const opened: ReturnType<typeof open>[] = []
        const now = () => opened[0] ?? opened[opened.push(open()) - 1]!
        return {
          get partitions$() {
            return open().partitions$
          },
          read: (partition, after) => now().read(partition, after),
          lag: (partition, after) => now().lag(partition, after),
          close: () => now().close(),
        }
      },
    }
  },
})
