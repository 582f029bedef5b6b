import { setTimeout } from 'node:timers/promises'
import { type Job, KVError, type KVErrorCode } from 'rxkeeper'

/** How long the store may take for a write, in milliseconds: what is older is of no interest any more. */
export const PATIENCE = 5000

const PAUSE = 1000

/** Errors of a store that cannot be reached for the moment. */
const PASSING: readonly KVErrorCode[] = ['TIMEOUT', 'INDETERMINATE', 'UNAVAILABLE']

/** Runs a job until it is told to stop. Where the store is away for long it says so, and begins again. */
export async function keepRunning<T, V, R, C>(job: Job<T, V, R, C>): Promise<void> {
  for (;;) {
    try {
      const { exitCode } = await job.run()
      process.exitCode = exitCode
      return
    } catch (error) {
      if (!(error instanceof KVError && PASSING.includes(error.code))) throw error
      console.error(`${job.name}: ${error.message}; trying again`)
      await setTimeout(PAUSE)
    }
  }
}
