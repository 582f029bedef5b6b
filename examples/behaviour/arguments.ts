import { parseArgs } from 'node:util'

export const USAGE = `Analyses the behaviour of the users of a shop: sessions, a funnel, histories, revenue.

The clicks are made up: generated from a seed, the same for the same seed, some out of order, a few much too late.

  npx tsx --conditions=rxkeeper-source examples/behaviour/main.ts [OPTIONS]

  --store URL    where the tables are kept:
                   memory:                        nowhere
                   lmdb:FOLDER                    in a folder
                   zookeeper://HOST:PORT,…/ROOT   in a ZooKeeper ensemble, below ROOT
                 Without it, what RXKEEPER_STORE says, or memory:.
                 What an earlier run left in these tables is deleted first.
  --seed N       what the clicks are made from (1 by default).
  --users N      how many users click (200 by default).
  --days N       for how many days, 90 at most (14 by default).
  --user NAME    whose history is shown (ann by default).
  --help         shows this.`

export interface Arguments {
  readonly store: string
  readonly seed: number
  readonly users: number
  readonly days: number
  readonly user: string
  readonly help: boolean
}

export function readArguments(args: string[]): Arguments {
  try {
    const { values } = parseArgs({
      args,
      options: {
        store: { type: 'string', default: process.env.RXKEEPER_STORE ?? 'memory:' },
        seed: { type: 'string', default: '1' },
        users: { type: 'string', default: '200' },
        days: { type: 'string', default: '14' },
        user: { type: 'string', default: 'ann' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    return {
      ...values,
      seed: wholeNumber('seed', values.seed, 0, 2 ** 32 - 1),
      users: wholeNumber('users', values.users, 1, 100_000),
      days: wholeNumber('days', values.days, 1, 90),
    }
  } catch (error) {
    throw new Error(`${(error as Error).message} (--help shows what there is)`)
  }
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new Error(`--${option} must be a whole number from ${least} to ${most}, got ${text}`)
}
