/** Why a command ended early without failing: a signal, or nobody reads its output any more. */
export class Stopped {
  readonly exitCode: number
  readonly signal: NodeJS.Signals | undefined

  constructor(exitCode: number, signal?: NodeJS.Signals) {
    this.exitCode = exitCode
    this.signal = signal
  }
}
