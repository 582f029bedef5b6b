import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'

/** The connection string of the ZooKeeper server that all test files share. */
export const servers = inject('servers')

/** A path on the shared server that nobody else uses. */
export const freshRoot = (name: string): string => `/t-${name}-${randomBytes(6).toString('hex')}`
