import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import { firstValueFrom } from 'rxjs'
import { bytes, type KVStore, memoryStore } from 'rxkeeper'
import { type Monitor, type MonitorOptions, serveMonitor } from 'rxkeeper/monitor'
import { onTestFinished } from 'vitest'

export const put = (store: KVStore<Uint8Array>, key: string, value: string): Promise<unknown> =>
  firstValueFrom(store.put$(key, Buffer.from(value)))

/** A monitor of a store in memory, closed when the test is over. */
export async function serve(
  options: MonitorOptions = {},
): Promise<{ store: KVStore<Uint8Array>; monitor: Monitor }> {
  const store = memoryStore({ value: bytes })
  const monitor = await serveMonitor(store, { port: 0, ...options })
  onTestFinished(async () => {
    await monitor.close()
    await store.close()
  })
  return { store, monitor }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Asks with headers that `fetch` does not let be set. */
export async function ask(
  monitor: Monitor,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port: monitor.port, path, method, headers, agent: false }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

export interface ServerEvent {
  readonly type: string
  readonly data: unknown
}

/** The events of a monitor, one after the other. */
export async function* events(monitor: Monitor): AsyncGenerator<ServerEvent, void> {
  const asked = get({ host: '127.0.0.1', port: monitor.port, path: '/api/events', agent: false })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  try {
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) {
      const frames = (text + chunk).split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) {
        const [, type, data] = /^event: (.*)\ndata: (.*)$/.exec(frame) ?? []
        if (type !== undefined && data !== undefined) yield { type, data: JSON.parse(data) }
      }
    }
  } finally {
    asked.destroy()
  }
}

/** The next event of a type that is as it should be. */
export async function nextEvent<T>(
  events: AsyncIterator<ServerEvent>,
  type: string,
  fits: (data: T) => boolean = () => true,
): Promise<T> {
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error(`the events ended before the ${type} that was waited for`)
    if (value.type === type && fits(value.data as T)) return value.data as T
  }
}
