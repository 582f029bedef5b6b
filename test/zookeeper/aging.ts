import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ZooKeeperServer } from 'rxkeeper/testing'

/** What {@link age} needs of a server: one checksum in its snapshots, not several. */
export const systemProperties = { 'zookeeper.digest.enabled': 'false' }

/** A node's ACL, two zxids and two times stand between its data and its version. */
const BEFORE_VERSION = 8 + 4 * 8
/** A snapshot ends with its checksum, and a string of one character behind. */
const SEAL = 8 + 5

function adler32(bytes: Uint8Array): number {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return b * 65_536 + a
}

/** Makes nodes as old as if they had been written 2^31 times: writes their versions into the snapshot of a server. */
export async function age(
  server: ZooKeeperServer,
  versions: Readonly<Record<string, number>>,
): Promise<void> {
  const conf = await server.fourLetterWord('conf')
  const folder = /dataDir=(.+)/.exec(conf)![1]!
  // A snapshot is taken at each start.
  await server.restart()
  await server.kill()
  const zxidOf = (name: string): number => Number.parseInt(name.split('.')[1]!, 16)
  const snapshots = readdirSync(folder).filter(name => name.startsWith('snapshot.'))
  const newest = join(folder, snapshots.sort((a, b) => zxidOf(a) - zxidOf(b)).at(-1)!)
  const content = readFileSync(newest)
  for (const [path, version] of Object.entries(versions)) {
    const name = Buffer.alloc(4 + path.length)
    name.writeInt32BE(path.length)
    name.write(path, 4)
    const data = content.indexOf(name) + name.length
    content.writeInt32BE(version, data + 4 + content.readInt32BE(data) + BEFORE_VERSION)
  }
  const end = content.length - SEAL
  content.writeBigInt64BE(BigInt(adler32(content.subarray(0, end))), end)
  writeFileSync(newest, content)
  await server.restart()
}
