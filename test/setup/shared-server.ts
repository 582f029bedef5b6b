import { findZooKeeper, startZooKeeper } from 'rxkeeper/testing'
import type { TestProject } from 'vitest/node'
import { hasKazoo } from '../interop/kazoo.ts'
import { install, mayInstall } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The connection string of the server that all test files share. */
    servers: string
  }
}

/** What the tests need that npm does not bring: a server, and an independent client. */
function ensureInstalled(): void {
  let missing: unknown
  try {
    findZooKeeper()
  } catch (error) {
    if (!mayInstall()) throw error
    missing = error
  }
  if (!mayInstall()) return
  const packages = [...(missing === undefined ? [] : ['zookeeper']), ...(hasKazoo() ? [] : ['python3-kazoo'])]
  if (packages.length > 0) install(...packages)
  findZooKeeper()
}

/** One real ZooKeeper server for the whole run; there is no run without. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  ensureInstalled()
  const server = await startZooKeeper()
  project.provide('servers', server.servers)
  return () => server.stop()
}
