import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Real flights of the year 2001: 20,000 as JSON, 3 million as Parquet. */
const DATASETS = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data')

export const MAIN_USAGE = `Sums up the delays of real flights by airport and hour, and shows where they are worst.

  npx tsx --conditions=rxkeeper-source examples/aggregation/main.ts [OPTIONS]

  --store URL    where the state is kept (RXKEEPER_STORE by default, else memory:):
                   memory:                        nowhere
                   lmdb:FOLDER                    in a folder
                   zookeeper://HOST:PORT,…/ROOT   in a ZooKeeper ensemble, below ROOT
                 What an earlier run left there is deleted first. While it runs, and
                 after it, follow.ts shows the same from another process.
  --input FILE   flights as .ndjson, .json (an array), .csv or .parquet, with the fields
                 origin, destination, delay (in minutes) and date (2001/01/31 18:05).
                 Without it: 20,000 flights of the npm package vega-datasets.
  --seed N       which flights come late (1 by default): the input is in order, so one in
                 twenty is held back until up to 100 others have passed.
  --rate N       how many flights there are in a second; as many as possible by default.
  --top N        how many airports are shown (10 by default).
  --help         shows this.`

export const FOLLOW_USAGE = `Shows, live, which airports have the most delay: follows what main.ts writes, from another process.

  npx tsx --conditions=rxkeeper-source examples/aggregation/follow.ts [OPTIONS]

  --store URL    where main.ts keeps its state (RXKEEPER_STORE by default):
                   lmdb:FOLDER                    in a folder
                   zookeeper://HOST:PORT,…/ROOT   in a ZooKeeper ensemble, below ROOT
  --top N        how many airports are shown (10 by default).
  --help         shows this.

  Ends with Ctrl-C.`

export const HOURS_USAGE = `Tells each hour of each airport once, when it is final: time, airport, flights and minutes of delay.

  npx tsx --conditions=rxkeeper-source examples/aggregation/hours.ts [OPTIONS]

  --input FILE   flights, as of main.ts. Without it: 20,000 flights of the npm package vega-datasets.
  --seed N       which flights come late (1 by default).
  --lateness N   how many hours flights that come late are waited for (48 by default).
  --help         shows this.`

const following = {
  store: { type: 'string' },
  top: { type: 'string', default: '10' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const counting = {
  ...following,
  input: { type: 'string', default: join(DATASETS, 'flights-20k.json') },
  seed: { type: 'string', default: '1' },
  rate: { type: 'string' },
} as const

const { input, seed, help } = counting
const closing = { input, seed, help, lateness: { type: 'string', default: '48' } } as const

export interface FollowArguments {
  readonly store: string | undefined
  readonly top: number
  readonly help: boolean
}

export interface MainArguments extends FollowArguments {
  readonly input: string
  readonly seed: number
  /** Absent: as many as possible. */
  readonly rate: number | undefined
}

export const readFollowArguments = (args: string[]): FollowArguments =>
  reading(() => {
    const { store, top, help } = parse(args, following)
    return { store, help, top: wholeNumber('top', top, 1, 1000) }
  })

export const readMainArguments = (args: string[]): MainArguments =>
  reading(() => {
    const { store, top, help, input, seed, rate } = parse(args, counting)
    return {
      store,
      help,
      input,
      top: wholeNumber('top', top, 1, 1000),
      seed: wholeNumber('seed', seed, 0, 2 ** 32 - 1),
      rate: rate === undefined ? undefined : wholeNumber('rate', rate, 1, 1_000_000),
    }
  })

export const readHoursArguments = (args: string[]) =>
  reading(() => {
    const { help, input, seed, lateness } = parse(args, closing)
    return {
      help,
      input,
      seed: wholeNumber('seed', seed, 0, 2 ** 32 - 1),
      lateness: wholeNumber('lateness', lateness, 0, 1000),
    }
  })

const parse = <O extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: O) =>
  parseArgs({ args, options }).values

function reading<A>(read: () => A): A {
  try {
    return read()
  } catch (error) {
    throw new Error(`${(error as Error).message} (--help shows what there is)`)
  }
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new Error(`--${option} must be a whole number from ${least} to ${most}, got ${text}`)
}
