import picocolors from 'picocolors'
import { EMPTY, from, fromEvent, lastValueFrom, mergeMap, type Observable, takeUntil } from 'rxjs'
import { signalExitCode, signals$ } from '../base/signals.ts'
import { perKey } from '../index.ts'
import { escapeControls } from './controls.ts'
import { ExitCode, exitCodeOf, messageOf } from './exit-codes.ts'
import { Output } from './output.ts'
import { Stopped } from './stopped.ts'

type Colors = ReturnType<typeof picocolors.createColors>

const colorsFor = (stream: NodeJS.WriteStream): Colors =>
  // picocolors knows NO_COLOR, but checks stdout only.
  picocolors.createColors(stream.isTTY === true && picocolors.isColorSupported)

/** A line of JSON that is safe for a terminal, too. */
export const jsonLine = (value: unknown): string => escapeControls(JSON.stringify(value))

/** The options of all commands. */
export interface CommonOptions {
  readonly json?: boolean
}

/** The environment of a command: where it writes, in which form, and what ends it early. */
export class Invocation {
  readonly out: Output = new Output(process.stdout)
  /** Whether to write lines of JSON instead of text for people. */
  readonly json: boolean
  readonly colors: Colors = colorsFor(process.stdout)
  readonly errorColors: Colors = colorsFor(process.stderr)
  /** Whether stderr is a terminal. */
  readonly attended: boolean = process.stderr.isTTY === true
  readonly #stopping = new AbortController()

  constructor({ json }: CommonOptions) {
    this.json = json === true || process.stdout.isTTY !== true
    this.out.closed.addEventListener('abort', () => this.#stopping.abort(this.out.closed.reason))
  }

  /** Aborted when the command must end early; the reason says how. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** Shows a result: as a line of JSON, or for people. */
  show(json: object, human: string): void {
    void this.out.line(this.json ? jsonLine(json) : human)
  }

  /** Says something on stderr. */
  say(message: string): void {
    process.stderr.write(`${message}\n`)
  }

  /**
   * Runs a command and reports its failure; resolves with the exit code. The first signal stops it, a second ends the
   * process.
   */
  async run(command: (session: this) => Promise<unknown>): Promise<number> {
    const heeding = signals$(['SIGINT', 'SIGTERM']).subscribe(signal => {
      if (this.stopping.aborted) process.exit(signalExitCode(signal))
      this.#stopping.abort(new Stopped(signalExitCode(signal), signal))
    })
    try {
      try {
        await command(this)
      } finally {
        await this.out.flushed()
      }
      // A failure to write is a failure of the command, even when everything else is done.
      this.out.closed.throwIfAborted()
      return ExitCode.ok
    } catch (error) {
      if (error instanceof Stopped) return error.exitCode
      this.say(`${this.errorColors.red('rxkeeper:')} ${escapeControls(messageOf(error))}`)
      return exitCodeOf(error)
    } finally {
      heeding.unsubscribe()
    }
  }

  /** Passes each value to `take`, one after the other, and awaits its result; until the end, or until stopped. */
  async each<T>(values$: Observable<T>, take: (value: T) => Promise<void> | undefined): Promise<void> {
    const taken$ = values$.pipe(
      perKey(
        () => '',
        value$ => value$.pipe(mergeMap(value => from(take(value) ?? EMPTY))),
      ),
      takeUntil(fromEvent(this.stopping, 'abort')),
    )
    this.stopping.throwIfAborted()
    await lastValueFrom(taken$, { defaultValue: undefined })
    this.stopping.throwIfAborted()
  }

  /** The value that `value$` emits; waits for it even when stopped. */
  finish<T>(value$: Observable<T>): Promise<T> {
    return lastValueFrom(value$)
  }

  /** The value that `value$` emits, unless stopped. */
  async one<T>(value$: Observable<T>): Promise<T> {
    const values: T[] = []
    await this.each(value$, value => void values.push(value))
    return values[0]!
  }
}
