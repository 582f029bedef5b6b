import type { FiredTimer, Timers } from '../../../src/index.ts'

export const PARTITIONS = ['p0', 'p1', 'p2']

/** A record of a partition, at a time in milliseconds. */
export interface Tick {
  readonly key: string
  readonly number: number
  readonly at: number
}

/** What happened to a key: how many records and timers, and the last of them. */
export interface Past {
  readonly count: number
  readonly last: string
}

export const ticksOf = (partition: string, count: number): Tick[] =>
  Array.from({ length: count }, (_, number) => ({
    key: `${partition}-${(number * 7) % 10}`,
    number,
    at: number * 10,
  }))

/** Every third record of a key sets a timer, every seventh clears it. */
export function tick({ number, at }: Tick, past: Past | undefined, timers: Timers): Past {
  const count = (past?.count ?? 0) + 1
  if (count % 3 === 0) timers.set(at + (number % 50) * 5)
  if (count % 7 === 0) timers.clear()
  return { count, last: `${number}` }
}

/** Every other timer sets another. */
export function fire({ at }: FiredTimer, { count }: Past, timers: Timers): Past {
  if (count % 2 === 0) timers.set(at + 15)
  return { count: count + 1, last: `@${at}` }
}

export const show = (key: string, { count, last }: Past): string => `${key} ${count} ${last}`

/** What comes of a partition, one record after the other. */
export function expectedOf(
  partition: string,
  ticks: number,
): { outputs: Set<string>; state: Map<string, Past> } {
  const state = new Map<string, Past>()
  const due = new Map<string, number>()
  const outputs = new Set<string>()
  const timersOf = (key: string): Timers => ({
    now: 0,
    set: at => void due.set(key, Number(at)),
    clear: () => void due.delete(key),
    at: () => due.get(key),
  })
  const pass = (key: string, now: number): void => {
    for (let at = due.get(key); at !== undefined && at <= now; at = due.get(key)) {
      due.delete(key)
      const timer = { key, name: '', at } as FiredTimer
      const past = fire(timer, state.get(key)!, timersOf(key))
      state.set(key, past)
      outputs.add(show(key, past))
    }
  }
  const all = ticksOf(partition, ticks)
  for (const record of all) {
    pass(record.key, record.at)
    const past = tick(record, state.get(record.key), timersOf(record.key))
    state.set(record.key, past)
    outputs.add(show(record.key, past))
  }
  for (const key of state.keys()) pass(key, all.at(-1)!.at)
  return { outputs, state }
}
