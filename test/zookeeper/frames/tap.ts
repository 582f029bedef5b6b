import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { FrameReader } from '../../../src/engines/zookeeper/wire/framing.ts'
import { Dialogue } from './describe.ts'

/** Passes the connections of a free port on to a server, and tells of each frame. */
export async function tap(
  server: { readonly host: string; readonly port: number },
  tell: (line: string) => void,
  port = 0,
): Promise<{ readonly port: number; close(): void }> {
  let connections = 0
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const number = ++connections
    const target = connect(server)
    const dialogue = new Dialogue()
    const follow = (from: Socket, to: Socket, arrow: string, describe: (frame: Buffer) => string): void => {
      const frames = new FrameReader(frame => tell(`${number} ${arrow} ${describe(frame)}`))
      sockets.add(from)
      from.on('data', chunk => {
        frames.push(chunk)
        to.write(chunk)
      })
      from.on('error', error => tell(`${number} ${arrow} ${error.message}`))
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    follow(client, target, '→', frame => dialogue.request(frame))
    follow(target, client, '←', frame => dialogue.reply(frame))
  })
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    close: () => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
