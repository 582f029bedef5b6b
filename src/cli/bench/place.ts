import { parseStoreUrl } from '../../index.ts'
import { CliError, ExitCode } from '../exit-codes.ts'

/** Where the benchmark runs. */
export interface BenchPlace {
  readonly servers: string
  readonly root: string
  readonly credentials: { readonly user: string; readonly password: string } | undefined
}

/** The ensemble of a store's URL. */
export function placeOf(store: string | undefined): BenchPlace {
  const url = store ?? process.env.RXKEEPER_STORE
  if (url === undefined) throw new CliError('which ensemble? Give its URL with --store', ExitCode.usage)
  const address = parseStoreUrl(url)
  if (address.type !== 'zookeeper') throw new CliError(`${url} is no ensemble`, ExitCode.usage)
  if (address.tls) throw new CliError('bench compares with a client that knows no TLS', ExitCode.usage)
  if (address.servers.includes(';')) throw new CliError('bench measures one ensemble', ExitCode.usage)
  const { servers, root = '/rxkeeper', user, password = process.env.RXKEEPER_PASSWORD ?? '' } = address
  return { servers, root, credentials: user === undefined ? undefined : { user, password } }
}
