import { startEnsemble, startZooKeeper, type ZooKeeperEnsemble, type ZooKeeperServer } from 'rxkeeper/testing'

/** What is killed are processes, not machines: what they have written is kept without waiting for the disk. */
const systemProperties = { 'zookeeper.forceSync': 'no' }

export const startServer = (options: Parameters<typeof startZooKeeper>[0] = {}): Promise<ZooKeeperServer> =>
  startZooKeeper({ systemProperties, ...options })

/** Without a majority they offer to be read, which must not be taken up: what they have may be old. */
export const startThree = (): Promise<ZooKeeperEnsemble> =>
  startEnsemble(3, { systemProperties: { ...systemProperties, 'readonlymode.enabled': 'true' } })
