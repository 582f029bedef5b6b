import { KVError } from '../../../base/errors.ts'

/** A server's host name or address, and its port. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

const DEFAULT_PORT = 2181

/** An address as `host:port`, with IPv6 literals in brackets. */
export const showAddress = ({ host, port }: ServerAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

const invalid = (message: string): KVError => new KVError('INVALID_ARGUMENT', `servers: ${message}`)

function parseAddress(text: string): ServerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d+))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined) {
    throw invalid(`'${text}' is no address; expected 'host', 'host:port' or '[IPv6]:port'`)
  }
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3])
  if (port < 1 || port > 65_535) throw invalid(`the port of '${text}' must be from 1 to 65535`)
  return { host, port }
}

/** The addresses in `'a:2181,b,[::1]:2181'`, or in a list of such strings; throws `INVALID_ARGUMENT`. */
export function parseServers(servers: string | readonly string[]): ServerAddress[] {
  const list: readonly unknown[] = typeof servers === 'string' ? servers.split(',') : servers
  if (!Array.isArray(list)) {
    throw invalid(`expected a string or a list of strings, got ${servers === null ? 'null' : typeof servers}`)
  }
  const addresses = list.map(each => {
    if (typeof each !== 'string')
      throw invalid(`expected strings, got ${each === null ? 'null' : typeof each}`)
    if (each.includes('/')) throw invalid(`'${each}' has a path; give the path as the option \`root\``)
    return parseAddress(each.trim())
  })
  if (addresses.length === 0) throw invalid('at least one is needed')
  return addresses
}

/** `items` in random order, by `random`. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = result[i]!
    result[i] = result[j]!
    result[j] = held
  }
  return result
}
