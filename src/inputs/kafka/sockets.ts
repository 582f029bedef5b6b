import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { ISocketFactory, ISocketFactoryArgs } from 'kafkajs'
import { inFrames } from './frames.ts'

/** The TCP keep-alive delay, in milliseconds. */
const KEEP_ALIVE = 60_000

const open: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectSecurely({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect)
  return socket.setKeepAlive(true, KEEP_ALIVE)
}

/**
 * The sockets that kafkajs uses, so that we can end them: kafkajs itself waits for answers, however long they take, and
 * loses track of a socket where it opens two for one connection.
 */
export class Sockets {
  readonly #open: ISocketFactory
  /** With the address of the broker, as in the errors of kafkajs. */
  readonly #sockets = new Map<Socket, string>()
  #closed = false

  constructor(factory: ISocketFactory = open) {
    this.#open = factory
  }

  readonly factory: ISocketFactory = (args: ISocketFactoryArgs) => {
    let connected = false
    const onConnect = (): void => {
      connected = true
      args.onConnect()
    }
    const socket = inFrames(this.#open({ ...args, onConnect }))
    this.#sockets.set(socket, `${args.host}:${args.port}`)
    // kafkajs would wait forever for a socket that is closed before it is connected.
    socket.once('end', () => connected || socket.destroy(new Error('closed before it was connected')))
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#closed) socket.destroy(new Error('the input is closed'))
    return socket
  }

  /** Ends the sockets to a broker. */
  end(address: string, reason: Error): void {
    for (const [socket, to] of this.#sockets) if (to === address) socket.destroy(reason)
  }

  /** Ends all sockets, present and future; resolves when they are closed. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = Array.from(this.#sockets.keys(), socket => once(socket, 'close').catch(() => {}))
    for (const socket of this.#sockets.keys()) socket.destroy(new Error('the input is closed'))
    await Promise.all(closed)
  }
}
