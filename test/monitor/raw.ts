import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Monitor } from 'rxkeeper/monitor'
import { onTestFinished } from 'vitest'

/** A connection that says what it likes. */
export async function dial({ port }: Monitor): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** What is answered to these bytes until the connection is closed; asks to close it by default. */
export async function say(monitor: Monitor, ...lines: readonly string[]): Promise<string> {
  const socket = await dial(monitor)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return text(socket)
}

/** The status of an answer. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1])
