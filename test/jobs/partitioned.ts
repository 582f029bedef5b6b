import { firstValueFrom, toArray } from 'rxjs'
import { type JobEvent, type JobRun, job, json, type KVStore, type Memory, memoryStore } from 'rxkeeper'
import { memoryInput } from 'rxkeeper/testing'

export interface Sale {
  readonly shop: string
  readonly number: number
}

/** Partitions `p0`, `p1`, … of so many sales each, in a few shops that all partitions have. */
export const salesOf = (partitions: number, records: number): Record<string, Sale[]> =>
  Object.fromEntries(
    Array.from({ length: partitions }, (_, p) => [
      `p${p}`,
      Array.from({ length: records }, (_, number) => ({ shop: `shop ${(number + p) % 7}`, number })),
    ]),
  )

/** How many sales each shop has. */
export function countsOf(sales: Readonly<Record<string, readonly Sale[]>>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { shop } of Object.values(sales).flat()) counts[shop] = (counts[shop] ?? 0) + 1
  return counts
}

export const stored = async (store: KVStore<number>): Promise<Record<string, number>> => {
  const entries = await firstValueFrom(store.entries$().pipe(toArray()))
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

/** A process of its own, as far as its store goes. */
export const storeOn = (memory: Memory): KVStore<number> => memoryStore({ value: json<number>(), memory })

/** Counts sales by shop. */
export const counting = job({
  name: 'sales',
  value: json<number>(),
  input: memoryInput<Sale>({}),
  keyOf: sale => sale.shop,
  transform: (_, count = 0) => count + 1,
  process: { commitSize: 16 },
})

/** The events of a run of these types, as they come. */
export function eventsOf<T, K extends JobEvent<T>['type']>(
  run: JobRun<T>,
  ...types: K[]
): Extract<JobEvent<T>, { type: K }>[] {
  const events: Extract<JobEvent<T>, { type: K }>[] = []
  run.subscribe({
    next: event => {
      if ((types as string[]).includes(event.type)) events.push(event as Extract<JobEvent<T>, { type: K }>)
    },
    error: () => {},
  })
  return events
}
