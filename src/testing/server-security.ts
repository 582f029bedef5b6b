import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateAuthority } from './authority.ts'

/** The lines of `zoo.cfg` for a server that knows TLS, with the files that they name in `folder`. */
export function tlsConfig(authority: CertificateAuthority, folder: string): Record<string, string> {
  const { ca, cert, key } = authority.issue('server')
  const keyStore = join(folder, 'server.pem')
  const trustStore = join(folder, 'ca.pem')
  writeFileSync(keyStore, key + cert, { mode: 0o600 })
  writeFileSync(trustStore, ca)
  return {
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    // By itself it is there only with a port for TLS alone.
    'authProvider.x509': 'org.apache.zookeeper.server.auth.X509AuthenticationProvider',
    'ssl.keyStore.location': keyStore,
    'ssl.keyStore.type': 'PEM',
    'ssl.trustStore.location': trustStore,
    'ssl.trustStore.type': 'PEM',
  }
}

/** The lines of `zoo.cfg` for a server that knows these users, whom it finds in `jaas.conf` in `folder`. */
export function saslConfig(
  users: Readonly<Record<string, string>> | undefined,
  folder: string,
): Record<string, string> {
  const known = Object.entries(users ?? {}).map(
    ([user, password]) => ` user_${user}=${JSON.stringify(password)}`,
  )
  const module = ['org.apache.zookeeper.server.auth.DigestLoginModule required', ...known].join('\n')
  writeFileSync(join(folder, 'jaas.conf'), users === undefined ? '' : `Server {\n${module};\n};\n`, {
    mode: 0o600,
  })
  return users === undefined
    ? {}
    : { 'authProvider.sasl': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider' }
}
