import { KVError } from '../base/errors.ts'
import type { StoreAddress } from './store-url.ts'
import { tlsFiles } from './zookeeper/session/tls.ts'
import type { ZooKeeperStoreOptions } from './zookeeper/store.ts'
import { splitAcl } from './zookeeper/wire/acl.ts'

/** Environment variables, which may contain passwords. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The options of a ZooKeeper store from its URL, with passwords from the environment; throws `INVALID_ARGUMENT`. */
export function zookeeperOptionsOf(
  address: StoreAddress & { type: 'zookeeper' },
  environment: Environment,
): Omit<ZooKeeperStoreOptions<never>, 'value'> {
  const { servers, root, user, password = environment.RXKEEPER_PASSWORD, options } = address
  if (root === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `the URL of a store on ZooKeeper names the node below which its keys are: zookeeper://${servers}/ROOT`,
    )
  }
  if (user !== undefined && password === undefined) {
    throw new KVError('INVALID_ARGUMENT', `no password for the user '${user}'; give it as RXKEEPER_PASSWORD`)
  }
  const {
    followServers,
    acl,
    scheme,
    buckets,
    consistency,
    sessionTimeout,
    maxPacketBytes,
    ca,
    cert,
    key,
    pfx,
    servername,
  } = options
  const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text))
  const ensembles = servers.split(';')
  return {
    ...(ensembles.length === 1 ? { servers } : { ensembles }),
    root,
    tls: address.tls
      ? tlsFiles({ ca, cert, key, pfx, servername, passphrase: environment.RXKEEPER_TLS_PASSPHRASE })
      : undefined,
    credentials:
      user === undefined || password === undefined
        ? undefined
        : { user, password, scheme: scheme as 'sasl' | undefined },
    // The store reports invalid ones.
    acl: acl?.includes(':') ? splitAcl(acl) : (acl as ZooKeeperStoreOptions<never>['acl']),
    consistency: consistency as ZooKeeperStoreOptions<never>['consistency'],
    followServers: booleanOf('followServers', followServers),
    buckets: numberOf(buckets),
    sessionTimeout: numberOf(sessionTimeout),
    maxPacketBytes: numberOf(maxPacketBytes),
  }
}

function booleanOf(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined || text === 'true' || text === 'false')
    return text === undefined ? undefined : text === 'true'
  throw new KVError('INVALID_ARGUMENT', `\`${name}\` must be 'true' or 'false', got ${JSON.stringify(text)}`)
}
