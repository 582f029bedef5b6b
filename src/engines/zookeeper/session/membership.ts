import { Code, codeName, Op } from '../wire/protocol.ts'
import { readData, readEventPath } from '../wire/replies.ts'
import { getDataFrame } from '../wire/requests.ts'
import type { ServerAddress } from './addresses.ts'
import type { Packet } from './connection.ts'

/** Where an ensemble says which servers it has. */
const CONFIG = '/zookeeper/config'

/** What the ensemble said of itself. */
export interface Configuration {
  /** Larger in each one. */
  readonly version: number
  /** Where clients may connect to; none where it does not say. */
  readonly servers: readonly ServerAddress[]
}

const addressOf = (text: string): ServerAddress | undefined => {
  const [, literal, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d+)/.exec(text) ?? []
  const host = literal ?? name
  return host === undefined || port === undefined ? undefined : { host, port: Number(port) }
}

const ANY_HOST = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0', ''])

/** Reads `server.1=host:2888:3888:participant;host:2181` lines and `version=100000000`. */
export function readConfiguration(text: string): Configuration {
  const servers = Array.from(
    text.matchAll(/^server\.\d+=([^;\n]*);(.*)$/gm),
    ([, peer = '', client = '']) => {
      const address = addressOf(client.includes(':') ? client : `:${client}`)
      if (address === undefined || !ANY_HOST.has(address.host)) return address
      // It listens everywhere: also where the others of the ensemble find it.
      const host = addressOf(peer)?.host
      return host === undefined ? undefined : { ...address, host }
    },
  )
  const [, version = '0'] = /^version=([\da-f]+)$/m.exec(text) ?? []
  return {
    version: Number.parseInt(version, 16),
    servers: servers.filter(address => address !== undefined),
  }
}

/**
 * Follows which servers the ensemble has: reads it on each connection, with a watch, and again after each change. What
 * a server says that lags behind is not gone back to.
 */
export class Membership {
  readonly #send: (packet: Packet) => void
  readonly #changed: (servers: readonly ServerAddress[]) => void
  readonly #refused: (reason: string) => void
  #version = -1

  /** `changed` gets the servers; `refused` why they are not known. */
  constructor(
    send: (packet: Packet) => void,
    changed: (servers: readonly ServerAddress[]) => void,
    refused: (reason: string) => void,
  ) {
    this.#send = send
    this.#changed = changed
    this.#refused = refused
  }

  /** Asks which they are; on each connection. */
  ask(): void {
    this.#send({
      type: Op.getData,
      frame: getDataFrame(CONFIG, true),
      replied: (error, _zxid, reply) => {
        if (error !== Code.ok) return this.#refused(`${CONFIG} cannot be read: ${codeName(error)}`)
        const { version, servers } = readConfiguration(readData(reply).toString())
        if (version <= this.#version) return
        if (servers.length === 0) return this.#refused(`${CONFIG} has no addresses for clients`)
        this.#version = version
        this.#changed(servers)
      },
      lost: () => {},
    })
  }

  /** Takes an event of any watch. */
  event(reply: Buffer): void {
    if (readEventPath(reply) === CONFIG) this.ask()
  }
}
