import cliProgress from 'cli-progress'
import type { Invocation } from './invocation.ts'
import type { Output } from './output.ts'

/** The progress on stderr while a command works, if it is a terminal. */
export class Progress {
  readonly #bar: cliProgress.SingleBar | undefined
  readonly #total: number | undefined

  /** `total` is the final count, if known; `out` is where the command writes meanwhile. */
  constructor(session: Invocation, total?: number, out?: Output) {
    this.#total = total
    // Nobody could read it among output on the same terminal.
    if (!session.attended || (out === session.out && process.stdout.isTTY)) return
    const { errorColors: colors } = session
    const format = total === undefined ? '{note}' : `${colors.cyan('{bar}')} {percentage}%  {note}`
    this.#bar = new cliProgress.SingleBar(
      {
        format,
        clearOnComplete: true,
        gracefulExit: false,
        hideCursor: null,
        barsize: 24,
        emptyOnZero: true,
      },
      cliProgress.Presets.shades_classic,
    )
    this.#bar.start(total ?? 1, 0, { note: '' })
  }

  update(value: number, note: string): void {
    this.#bar?.update(this.#total === undefined ? 0 : value, { note })
  }

  stop(): void {
    this.#bar?.stop()
  }
}

const numbers = new Intl.NumberFormat('en')

/** A count as text for people. */
export const count = (value: number): string => numbers.format(Math.round(value))

/** `1 entry`, `2,000 entries` */
export const counted = (value: number, one: string, many: string): string =>
  `${count(value)} ${value === 1 ? one : many}`
