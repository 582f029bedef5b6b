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
  // picocolors knows NO_COLOR, but of the streams only stdout.
  picocolors.createColors(stream.isTTY === true && picocolors.isColorSupported)

/** A line of JSON as a terminal may get it, too. */
export const jsonLine = (value: unknown): string => escapeControls(JSON.stringify(value))

/** Options that all commands have. */
export interface CommonOptions {
  readonly json?: boolean
}

/** What a command works with: where it writes, for whom, and what ends it early. */
export class Session {
  readonly out: Output = new Output(process.stdout)
  /** Lines of JSON instead of what is for people. */
  readonly json: boolean
  readonly colors: Colors = colorsFor(process.stdout)
  readonly errorColors: Colors = colorsFor(process.stderr)
  /** Whether somebody watches stderr. */
  readonly attended: boolean = process.stderr.isTTY === true
  readonly #stopping = new AbortController()

  constructor({ json }: CommonOptions) {
    this.json = json === true || process.stdout.isTTY !== true
    this.out.closed.addEventListener('abort', () => this.#stopping.abort(this.out.closed.reason))
  }

  /** Aborted when the command is to end early; the reason is what it ends with. */
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

  /** Runs a command and says what it failed with; resolves with its exit code. The first signal stops it, a second ends the process. */
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
      // What could not be written is a failure, also when all else is done.
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

  /** Gives each value to `take`, one after the other, waiting for what it returns; until the end, or until stopped. */
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

  /** The value that `value$` emits; waits for it also when stopped. */
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
