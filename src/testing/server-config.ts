import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateAuthority } from './authority.ts'
import type { ServerOptions } from './server.ts'
import { saslConfig, tlsConfig } from './server-security.ts'

/** Options of a single server of several. */
export interface ServerPlace {
  readonly port: number
  /** Kept when the server is stopped; if `undefined`, a temporary folder that is removed then. */
  readonly folder: string | undefined
  /** Its number in the ensemble, from 1. */
  readonly id?: number | undefined
  /** The members as it knows them at first, itself among them: `server.1=host:port:port`. */
  readonly members?: readonly string[] | undefined
  /** Whether members may come and go; they then say where clients connect to: `…;host:port`. */
  readonly dynamic?: boolean | undefined
}

const CONFIG = {
  initLimit: 20,
  syncLimit: 10,
  maxClientCnxns: 0,
  'admin.enableServer': 'false',
  '4lw.commands.whitelist': '*',
}

/** Writes what a server is started with into its folder. */
export function writeConfig(
  folder: string,
  options: ServerOptions,
  { port, id, members = [], dynamic = false }: ServerPlace,
  authority: CertificateAuthority | undefined,
): void {
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { recursive: true })
  if (id !== undefined) writeFileSync(join(dataDir, 'myid'), `${id}\n`)
  const ownPort = authority === undefined ? 'clientPort' : 'secureClientPort'
  const config = {
    ...CONFIG,
    tickTime: options.tickTime ?? 500,
    dataDir,
    ...(authority === undefined ? {} : tlsConfig(authority, folder)),
    ...saslConfig(options.saslUsers, folder),
    ...(dynamic ? dynamicConfig(folder, members) : { [ownPort]: port }),
    ...options.config,
  }
  const lines = Object.entries(config).map(([name, value]) => `${name}=${value}`)
  writeFileSync(join(folder, 'zoo.cfg'), `${[...lines, ...(dynamic ? [] : members)].join('\n')}\n`)
}

function dynamicConfig(folder: string, members: readonly string[]): Record<string, string> {
  const dynamicConfigFile = join(folder, 'zoo.cfg.dynamic')
  writeFileSync(dynamicConfigFile, `${members.join('\n')}\n`)
  return {
    reconfigEnabled: 'true',
    standaloneEnabled: 'false',
    dynamicConfigFile,
    // The port that it tells takes TLS, too, where it knows how.
    'client.portUnification': 'true',
  }
}
