import { findZooKeeper, startZooKeeper } from 'rxkeeper/testing'
import type { TestProject } from 'vitest/node'
import { install, mayInstall } from './install.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The connection string of the server that all test files share. */
    servers: string
  }
}

function ensureZooKeeper(): void {
  try {
    findZooKeeper()
  } catch (error) {
    if (!mayInstall()) throw error
    install('zookeeper')
    findZooKeeper()
  }
}

/** One real ZooKeeper server for the whole run; there is no run without. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  ensureZooKeeper()
  const server = await startZooKeeper()
  project.provide('servers', server.servers)
  return () => server.stop()
}
