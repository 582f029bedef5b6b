import { firstValueFrom, toArray } from 'rxjs'
import { type JobEvent, type JobRun, job, json, type KVStore } from 'rxkeeper'

export interface Visit {
  readonly user: string
}

export const visit = (user: string): Visit => ({ user })

/** Counts visits by user; `broken` users throw. */
export const counting = (name = 'visits') =>
  job({
    name,
    value: json<number>(),
    keyOf: (record: Visit) => record.user,
    transform: (record, count = 0) => {
      if (record.user === 'broken') throw new Error('no such user')
      return count + 1
    },
  })

/** What a store holds. */
export const contentOf = async (store: KVStore<number>): Promise<Record<string, number>> => {
  const entries = await firstValueFrom(store.entries$().pipe(toArray()))
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

/** The types of the events of a run, as they come; those of figures and status left out. */
export const eventsOf = (run: JobRun<unknown>): string[] => {
  const types: string[] = []
  run.subscribe({
    next: (event: JobEvent<unknown>) => {
      if (event.type !== 'figures' && event.type !== 'status') types.push(event.type)
    },
    error: () => types.push('error'),
    complete: () => types.push('complete'),
  })
  return types
}
