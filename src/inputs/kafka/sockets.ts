import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { ISocketFactory, ISocketFactoryArgs } from 'kafkajs'

/** After how long without traffic the system looks whether a connection still stands, in milliseconds. */
const KEEP_ALIVE = 60_000

const open: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectSecurely({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect)
  return socket.setKeepAlive(true, KEEP_ALIVE)
}

/**
 * The sockets that kafkajs uses, to be able to end them: its own way waits for answers, however long they take, and
 * it loses sight of a socket where it opens two for one connection.
 */
export class Sockets {
  readonly #open: ISocketFactory
  readonly #sockets = new Set<Socket>()
  #closed = false

  constructor(factory: ISocketFactory = open) {
    this.#open = factory
  }

  readonly factory: ISocketFactory = (args: ISocketFactoryArgs) => {
    const socket = this.#open(args)
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#closed) socket.destroy(new Error('the input is closed'))
    return socket
  }

  /** Ends all, and those to come; settles when they are closed. */
  async close(): Promise<void> {
    this.#closed = true
    const closed = Array.from(this.#sockets, socket => once(socket, 'close').catch(() => {}))
    for (const socket of this.#sockets) socket.destroy(new Error('the input is closed'))
    await Promise.all(closed)
  }
}
