import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateAuthority } from './authority.ts'

/** The lines of `zoo.cfg` for a server that takes TLS only, with the files that they name in `folder`. */
export function tlsConfig(
  authority: CertificateAuthority,
  folder: string,
  port: number,
): Record<string, string | number> {
  const { ca, cert, key } = authority.issue('server')
  const keyStore = join(folder, 'server.pem')
  const trustStore = join(folder, 'ca.pem')
  writeFileSync(keyStore, key + cert, { mode: 0o600 })
  writeFileSync(trustStore, ca)
  return {
    secureClientPort: port,
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    'ssl.keyStore.location': keyStore,
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': trustStore,
    'ssl.trustStore.type': 'PEM',
  }
}
