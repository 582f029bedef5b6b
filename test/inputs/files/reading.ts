import { firstValueFrom } from 'rxjs'
import type { Delivered, PartitionedInput } from 'rxkeeper'

/** All that a partition has after a position. */
export async function readAll<T>(
  input: PartitionedInput<T, number>,
  partition: string,
  after?: number,
): Promise<Delivered<T, number>[]> {
  const all: Delivered<T, number>[] = []
  for await (const delivered of input.read(partition, after)) all.push(delivered)
  return all
}

/** The records of all partitions, in the order of their names' numbers. */
export async function readWhole<T>(input: PartitionedInput<T, number>): Promise<T[]> {
  const records: T[] = []
  for (const partition of await firstValueFrom(input.partitions$)) {
    for (const { record } of await readAll(input, partition)) records.push(record)
  }
  return records
}
