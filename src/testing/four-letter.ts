import { connect, type Socket } from 'node:net'
import { connect as connectSecured } from 'node:tls'
import type { Identity } from './authority.ts'

/** The address of a server. */
export interface Address {
  readonly host: string
  readonly port: number
  /** The client's identity, where the server takes TLS only. */
  readonly tls?: Identity | undefined
}

/** Starts to connect to a server. */
export const connectTo = ({ host, port, tls }: Address): Socket =>
  tls === undefined ? connect(port, host) : connectSecured({ ...tls, host, port })

/**
 * Sends one of ZooKeeper's four-letter words (`srvr`, `ruok`, `cons`, `mntr`, `wchs`, …) and resolves with the answer;
 * rejects if there is none within `timeout` milliseconds.
 *
 * @example
 * ```ts no-run
 * import { fourLetterWord } from 'rxkeeper/testing'
 *
 * console.log(await fourLetterWord({ host: 'localhost', port: 2181 }, 'srvr'))
 * ```
 */
export const fourLetterWord = (address: Address, word: string, timeout = 2000): Promise<string> =>
  new Promise((resolve, reject) => {
    const { host, port } = address
    const socket = connectTo(address)
    const chunks: Buffer[] = []
    socket.setTimeout(timeout, () => socket.destroy(new Error(`${host}:${port} did not answer ${word}`)))
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
    socket.write(word)
  })

/** The current mode of a server. */
export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer'

/** The mode of the server at `address`, `undefined` while it serves nobody. */
export async function serverMode(address: Address): Promise<ServerMode | undefined> {
  const answer = await fourLetterWord(address, 'srvr', 1000).catch(() => '')
  return /^Mode: (standalone|leader|follower|observer)$/m.exec(answer)?.[1] as ServerMode | undefined
}
