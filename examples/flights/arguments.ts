import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

/** Real flights of the year 2001: 20,000 as JSON, 3 million as Parquet. */
const DATASETS = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data')

export const USAGE = `Counts real flights by route: how many, how late on average, how late at worst.

  npm start -- [--store URL] [--input FILE] [--from-start]

  --store URL    where the state is kept:
                   lmdb:FOLDER                    in a folder
                   zookeeper://HOST:PORT,…/ROOT   in a ZooKeeper ensemble
                   memory:                        nowhere
                 Without it: in a temporary folder, which is removed at the end.
  --input FILE   flights as .ndjson, .json (an array), .csv or .parquet, with the fields
                 origin, destination and delay (in minutes).
                 Without it: 20,000 flights of the npm package vega-datasets.
  --from-start   clears the state first. Without it the job goes on where the last run on
                 that state stopped, and has nothing to do where that was the end.
  --help         shows this.

  The 3 million flights of the same package:
  npm start -- --input ${join('node_modules', 'vega-datasets', 'data', 'flights-3m.parquet')}`

export interface Arguments {
  /** Absent: a temporary folder. */
  readonly store: string | undefined
  readonly input: string
  readonly fromStart: boolean
  readonly help: boolean
}

export function readArguments(args: string[]): Arguments {
  try {
    const { values } = parseArgs({
      args,
      options: {
        store: { type: 'string' },
        input: { type: 'string', default: join(DATASETS, 'flights-20k.json') },
        'from-start': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    return { store: values.store, input: values.input, fromStart: values['from-start'], help: values.help }
  } catch (error) {
    throw new Error(`${(error as Error).message} (--help shows what there is)`)
  }
}
