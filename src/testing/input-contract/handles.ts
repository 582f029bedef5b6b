import { existsSync, readdirSync } from 'node:fs'
import { eventually } from '../waiting.ts'
import { PATIENCE } from './taking.ts'

const DESCRIPTORS = '/proc/self/fd'

/** What is open in this process: files and sockets where the system lists them, else what keeps Node running. */
const openHandles = (): number =>
  existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : process.getActiveResourcesInfo().length

/** Counts what is open now; the result settles when there is no more open than that again. */
export function countHandles(): () => Promise<unknown> {
  const before = openHandles()
  return () =>
    eventually(
      () => openHandles() <= before || undefined,
      () => new Error(`${openHandles() - before} more handles are open than before`),
      { timeout: PATIENCE },
    )
}
