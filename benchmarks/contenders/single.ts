import { peersRequire } from './peers.ts'
import { connectPlain } from './plain.ts'

/** A client that sends one request for each operation, as the plain and the native one do. */
export interface SingleClient {
  get(path: string, done: (error: unknown, data: Buffer, version: number) => void): void
  /** Reads, and calls `changed` once at the next change. */
  watch(path: string, changed: () => void, done: (error: unknown, data: Buffer) => void): void
  /** `conflict` tells that the version was another one. */
  set(path: string, data: Buffer, version: number, done: (error: unknown, conflict: boolean) => void): void
  create(path: string, data: Buffer, done: (error: unknown) => void): void
  children(path: string, done: (error: unknown, names: string[]) => void): void
  close(): void
}

export type Connect = (servers: string) => Promise<SingleClient>

const ANY_VERSION = -1

export { ANY_VERSION }

async function plain(servers: string): Promise<SingleClient> {
  const client = await connectPlain(servers)
  return {
    get: (path, done) => client.getData(path, (error, data, stat) => done(error, data, stat?.version)),
    watch: (path, changed, done) => client.getData(path, changed, done),
    set: (path, data, version, done) =>
      client.setData(path, data, version, error => done(error, error?.name === 'BAD_VERSION')),
    create: (path, data, done) => client.create(path, data, done),
    children: (path, done) => client.getChildren(path, done),
    close: () => client.close(),
  }
}

/** What is used of the npm package `zookeeper`, the binding of ZooKeeper's C client. */
interface NativeClient {
  a_get(path: string, watch: boolean, done: NativeData): void
  aw_get(path: string, changed: () => void, done: NativeData): void
  a_set(path: string, data: Buffer, version: number, done: (code: number, message: string) => void): void
  a_create(path: string, data: Buffer, flags: number, done: (code: number, message: string) => void): void
  a_get_children(
    path: string,
    watch: boolean,
    done: (code: number, message: string, names: string[]) => void,
  ): void
  connect(options: object, connected: (error: unknown) => void): void
  close(): void
}

type NativeData = (code: number, message: string, stat: { version: number }, data: Buffer) => void

const BAD_VERSION = -103

function native(servers: string): Promise<SingleClient> {
  const ZooKeeper = peersRequire('zookeeper') as {
    new (): NativeClient
    constants: { ZOO_LOG_LEVEL_ERROR: number }
  }
  const client = new ZooKeeper()
  const options = {
    connect: servers,
    timeout: 10_000,
    debug_level: ZooKeeper.constants.ZOO_LOG_LEVEL_ERROR,
    host_order_deterministic: false,
    data_as_buffer: true,
  }
  const adapted: SingleClient = {
    get: (path, done) =>
      client.a_get(path, false, (code, message, stat, data) => done(code && message, data, stat?.version)),
    watch: (path, changed, done) =>
      client.aw_get(path, changed, (code, message, _stat, data) => done(code && message, data)),
    set: (path, data, version, done) =>
      client.a_set(path, data, version, (code, message) => done(code && message, code === BAD_VERSION)),
    create: (path, data, done) => client.a_create(path, data, 0, (code, message) => done(code && message)),
    children: (path, done) =>
      client.a_get_children(path, false, (code, message, names) => done(code && message, names)),
    close: () => client.close(),
  }
  return new Promise((resolve, reject) =>
    client.connect(options, error => (error instanceof Error ? reject(error) : resolve(adapted))),
  )
}

/** The clients of this make, by the names that contenders have. */
export const singles: Readonly<Record<'plain' | 'native', Connect>> = { plain, native }

/** How many requests these have in flight: more do not make them faster. */
export const SINGLES_IN_FLIGHT = 1024
