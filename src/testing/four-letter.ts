import { connect } from 'node:net'

/** Where a server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Sends one of ZooKeeper's four letter words (`srvr`, `ruok`, `cons`, `mntr`, `wchs`, …) and gives the answer;
 * fails where there is none within `timeout` milliseconds.
 *
 * @example
 * ```ts no-run
 * import { fourLetterWord } from 'rxkeeper/testing'
 *
 * console.log(await fourLetterWord({ host: 'localhost', port: 2181 }, 'srvr'))
 * ```
 */
export const fourLetterWord = ({ host, port }: Address, word: string, timeout = 2000): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, host)
    const chunks: Buffer[] = []
    socket.setTimeout(timeout, () => socket.destroy(new Error(`${host}:${port} did not answer ${word}`)))
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
    socket.write(word)
  })

/** What a server is at the moment. */
export type ServerMode = 'standalone' | 'leader' | 'follower' | 'observer'

/** The mode of the server at `address`, `undefined` while it serves nobody. */
export async function serverMode(address: Address): Promise<ServerMode | undefined> {
  const answer = await fourLetterWord(address, 'srvr', 1000).catch(() => '')
  return /^Mode: (standalone|leader|follower|observer)$/m.exec(answer)?.[1] as ServerMode | undefined
}
