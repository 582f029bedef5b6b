import type { KVErrorCode } from '../index.ts'

/** The exit codes of the command line, documented in its help. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  unavailable: 5,
} as const

/** A failure that its message explains fully, with its exit code. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = ExitCode.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

const codes: Partial<Record<KVErrorCode, number>> = {
  INVALID_KEY: ExitCode.usage,
  INVALID_ARGUMENT: ExitCode.usage,
  VERSION_CONFLICT: ExitCode.conflict,
  TIMEOUT: ExitCode.unavailable,
  INDETERMINATE: ExitCode.unavailable,
  UNAVAILABLE: ExitCode.unavailable,
}

/** The exit code for `error`. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode
  // Not `instanceof`: a job may have its own copy of this library.
  const code = (error as { code?: unknown } | undefined)?.code
  return codes[code as KVErrorCode] ?? ExitCode.failed
}

/** The message for `error`: no stack trace, except where a function of the user threw. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  const place =
    code === 'CALLBACK' && cause instanceof Error ? /\n +at .*/.exec(cause.stack ?? '')?.[0] : undefined
  return (error.message === '' ? error.name : error.message) + (place ?? '')
}
