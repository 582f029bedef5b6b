import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { PEERS_FOLDER, PROGRAMS_FOLDER, peersRequire } from '../contenders/peers.ts'
import type { Command } from './contestant.ts'
import { firstLine, packageVersion } from './machine.ts'
import type { Contender } from './question.ts'

/** Where a contender is to be had; `undefined` where it is not installed. */
interface Kind {
  /** What it is, with its version. */
  readonly label: () => string
  readonly installed?: () => boolean
  /** How to install what is missing. */
  readonly install?: string
  /** How its process is started, where that is not our worker. */
  readonly command?: () => Command
}

const inPath = (program: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, program))
    .find(file => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

/** A Python that has Kazoo: Debian's has it as a package, whatever other Python is first in the path. */
const kazooVersion = (python: string): string =>
  firstLine(python, ['-c', 'import kazoo.version; print(kazoo.version.__version__)'])
const python = (): string | undefined =>
  ['python3', '/usr/bin/python3'].find(each => kazooVersion(each) !== '')

const JARS = '/usr/share/java'
const CURATOR_JARS = [
  'curator-recipes',
  'curator-framework',
  'curator-client',
  'zookeeper',
  'zookeeper-jute',
  'guava',
  'slf4j-nop',
].map(name => join(JARS, `${name}.jar`))

const curatorVersion = (): string =>
  readdirSync(JARS)
    .map(file => /^curator-recipes-([\d.]+)\.jar$/.exec(file)?.[1])
    .find(version => version !== undefined) ?? ''

const kinds: Readonly<Record<string, Kind>> = {
  rxkeeper: { label: () => 'rxkeeper' },
  unsecured: { label: () => 'rxkeeper, connected to the same server without TLS' },
  plain: { label: () => `node-zookeeper-client ${packageVersion('node-zookeeper-client')}` },
  wire: { label: () => 'frames built beforehand on a bare socket: the limit' },
  native: {
    label: () =>
      `npm zookeeper ${packageVersion('zookeeper', peersRequire)} (compiled, ZooKeeper’s C client)`,
    installed: () => packageVersion('zookeeper', peersRequire) !== 'not installed',
    install: `needs a C compiler: npm install --no-save --prefix ${PEERS_FOLDER} zookeeper@7.3.0`,
  },
  curator: {
    label: () => `Apache Curator ${curatorVersion()} (Java)`,
    installed: () => CURATOR_JARS.every(jar => existsSync(jar)) && inPath('javac') !== undefined,
    install: 'apt-get install libcurator-recipes-java default-jdk-headless',
    command: () => ({
      program: 'java',
      args: ['-Xmx1g', '-cp', CURATOR_JARS.join(delimiter), join(PROGRAMS_FOLDER, 'Curator.java')],
    }),
  },
  kazoo: {
    label: () => `Kazoo ${kazooVersion(python() ?? 'python3')} (Python)`,
    installed: () => python() !== undefined,
    install: 'apt-get install python3-kazoo',
    command: () => ({ program: python()!, args: [join(PROGRAMS_FOLDER, 'kazoo_contender.py')] }),
  },
  redis: {
    label: () =>
      `${firstLine('redis-server', ['--version']).replace(/^Redis server v=(\S+).*/, 'Redis $1')} with ioredis ${packageVersion('ioredis')}, automatic pipelining, fsync on every write`,
    installed: () => inPath('redis-server') !== undefined,
    install: 'apt-get install redis-server',
  },
  lmdb: { label: () => `npm lmdb ${packageVersion('lmdb')} used directly` },
  'rxjs-map': { label: () => `RxJS ${packageVersion('rxjs')} over a JavaScript Map` },
  'rxjs-map-async': {
    label: () =>
      `RxJS ${packageVersion('rxjs')} over a Map that answers in a later microtask, as a store does`,
  },
  map: { label: () => 'a loop over a JavaScript Map, no RxJS' },
}

const kindOf = (name: string): Kind => kinds[name.split('/')[0]!] ?? { label: () => name }

/** What it is, with its version. */
export const labelOf = (name: string): string => kindOf(name).label()

/** How to install what a contender lacks; `undefined` where it lacks nothing. */
export function missing({ name }: Contender): string | undefined {
  const { installed, install } = kindOf(name)
  return installed === undefined || installed() ? undefined : install
}

export const commandOf = ({ name }: Contender, worker: string): Command =>
  kindOf(name).command?.() ?? { script: worker }
