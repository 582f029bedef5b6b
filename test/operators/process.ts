import { lastValueFrom, toArray } from 'rxjs'
import { json, type KVStore, Memory, memoryStore } from '../../src/index.ts'
import { type Hook, hookedStore, logging, writeElsewhere } from './engines.ts'

export const word = (record: string): string => record
export const increment = (_: unknown, count = 0): number => count + 1

export const numbers = (memory: Memory = new Memory()): KVStore<number> =>
  memoryStore({ value: json<number>(), memory })

/** A store of numbers, and the log of what its engine is asked for. */
export function logged(options: { memory?: Memory; hooks?: Hook[] } = {}): {
  store: KVStore<number>
  log: string[]
  /** The commits, without the reads. */
  commits(): string[]
} {
  const log: string[] = []
  const { memory = new Memory(), hooks = [] } = options
  const store = hookedStore({ value: json<number>(), memory }, logging(log), ...hooks)
  return { store, log, commits: () => log.filter(line => !line.startsWith('read')) }
}

/** All that is stored, in short: `a=1@0`, the version after the `@`. */
export const stateOf = async <V>(store: KVStore<V>): Promise<string[]> => {
  const entries = await lastValueFrom(store.entries$().pipe(toArray()))
  return entries.map(({ key, value, version }) => `${key}=${JSON.stringify(value)}@${version}`)
}

/** Another writer: writes at once. */
export const elsewhere = (memory: Memory, key: string, value: number | undefined) => (): void =>
  writeElsewhere(memory, json<number>(), key, value)
