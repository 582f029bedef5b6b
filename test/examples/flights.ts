import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lastValueFrom, toArray } from 'rxjs'
import { json, type KVStore } from 'rxkeeper'

/** The real flights that the main job counts by default, and more. */
const DATASETS = fileURLToPath(new URL('../../node_modules/vega-datasets/data/', import.meta.url))
export const PARQUET: string = `${DATASETS}flights-3m.parquet`

export interface Flight {
  readonly origin: string
  readonly destination: string
  readonly delay: number
}

export const flights: readonly Flight[] = JSON.parse(readFileSync(`${DATASETS}flights-20k.json`, 'utf8'))

interface Route {
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
}

/** A state as the main job keeps it, counted in another way. */
export function counted(counted: readonly Flight[]): Map<string, Route> {
  const delays = new Map<string, number[]>()
  for (const { origin, destination, delay } of counted) {
    const key = `${origin}-${destination}`
    delays.set(key, [...(delays.get(key) ?? []), delay])
  }
  const route = (all: number[]): Route => ({
    flights: all.length,
    meanDelay: rounded(all.reduce((sum, delay) => sum + delay) / all.length),
    worstDelay: Math.max(...all),
  })
  return new Map([...delays].map(([key, all]) => [key, route(all)]))
}

// Without the sign that rounding leaves to a zero.
const rounded = (delay: number): number => Number(delay.toFixed(6)) + 0

/** The routes of a state, and how far which inputs have been counted. */
export async function stateOf(
  store: KVStore<unknown>,
): Promise<{ routes: Map<string, Route>; inputs: Map<string, unknown> }> {
  const entries = await lastValueFrom(store.entries$().pipe(toArray()))
  const isInput = (key: string) => key.startsWith('input:')
  const routes = entries.filter(({ key }) => !isInput(key)) as { key: string; value: Route }[]
  return {
    routes: new Map(routes.map(({ key, value }) => [key, { ...value, meanDelay: rounded(value.meanDelay) }])),
    inputs: new Map(entries.filter(({ key }) => isInput(key)).map(({ key, value }) => [key.slice(6), value])),
  }
}

export const codec = json<unknown>()

/** The tables of an output, without what was measured. */
export const tablesOf = (output: string): string => output.slice(0, output.indexOf('Measured'))
