/** Why a command ended early without having failed: a signal, or nobody reads what it writes. */
export class Stopped {
  readonly exitCode: number
  readonly signal: NodeJS.Signals | undefined

  constructor(exitCode: number, signal?: NodeJS.Signals) {
    this.exitCode = exitCode
    this.signal = signal
  }
}
