import { readFile, statfs } from 'node:fs/promises'
import { cpus, freemem, loadavg, totalmem } from 'node:os'

/** A metric's value, of no host yet. */
export interface Figure {
  readonly metric: string
  readonly value: number
  readonly unit: string
}

const hundredths = (value: number): number => Math.round(100 * value) / 100

const percent = (metric: string, share: number): Figure => ({
  metric,
  value: hundredths(100 * share),
  unit: '%',
})

/** The time all processors spent since the start, in milliseconds, and how much of that for nothing. */
function times(): { readonly all: number; readonly idle: number } {
  const each = cpus().map(({ times }) => times)
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  return { all: sum(each.map(times => sum(Object.values(times)))), idle: sum(each.map(({ idle }) => idle)) }
}

/** The share of the last ten seconds in which something waited for a disk; Linux knows it. */
async function diskPressure(): Promise<Figure[]> {
  const pressure = await readFile('/proc/pressure/io', 'utf8').catch(() => '')
  const share = /^some avg10=([\d.]+)/.exec(pressure)?.[1]
  return share === undefined ? [] : [percent('disk-pressure', Number(share) / 100)]
}

/** Makes a function that reads the figures of this machine; those of the CPU, of the time since it was called before. */
export function machineReader(): () => Promise<Figure[]> {
  let before: ReturnType<typeof times> | undefined
  return async () => {
    const now = times()
    const busy = before && 1 - (now.idle - before.idle) / (now.all - before.all)
    before = now
    const { blocks, bavail } = await statfs('/')
    return [
      ...(busy === undefined ? [] : [percent('cpu', busy)]),
      { metric: 'load', value: hundredths(loadavg()[0]! / cpus().length), unit: 'per CPU' },
      percent('memory', 1 - freemem() / totalmem()),
      percent('disk', 1 - bavail / blocks),
      ...(await diskPressure()),
    ]
  }
}
