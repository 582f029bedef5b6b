import { existsSync, readdirSync } from 'node:fs'
import { eventually } from '../waiting.ts'
import { PATIENCE } from './taking.ts'

const DESCRIPTORS = '/proc/self/fd'

/** The number of open handles: files and sockets where the system lists them, else whatever keeps Node running. */
const openHandles = (): number =>
  existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : process.getActiveResourcesInfo().length

/** Counts the open handles; the returned function resolves when there are no more than that again. */
export function countHandles(): () => Promise<unknown> {
  const before = openHandles()
  return () =>
    eventually(
      () => openHandles() <= before || undefined,
      () => new Error(`${openHandles() - before} more handles are open than before`),
      { timeout: PATIENCE },
    )
}
