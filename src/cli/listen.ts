import { CliError } from './exit-codes.ts'

/** Explains why listening failed; `option` names the option with the port. */
export const explainListen =
  (option: string) =>
  (error: NodeJS.ErrnoException): never => {
    if (error.syscall === undefined) throw error
    throw new CliError(
      error.code === 'EADDRINUSE'
        ? `the port is taken; give another with ${option}: ${error.message}`
        : error.message,
    )
  }
