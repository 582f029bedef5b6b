import { createRequire } from 'node:module'

/** What fails in node-zookeeper-client. */
export interface PlainError extends Error {
  /** ZooKeeper's name of the error, for instance `NO_NODE`. */
  readonly name: string
}

type Done<R = void> = (error: PlainError | null, result: R) => void

/** What is used of node-zookeeper-client 1.1.3, by itself. */
export interface PlainClient {
  connect(): void
  close(): void
  on(event: string, listener: (...args: never[]) => void): void
  once(event: string, listener: () => void): void
  addAuthInfo(scheme: string, auth: Buffer): void
  getState(): { readonly name: string }
  getSessionId(): Buffer
  create(
    path: string,
    data: Buffer | null,
    mode: number,
    done: (error: PlainError | null, path: string) => void,
  ): void
  mkdirp(path: string, done: Done): void
  getData(
    path: string,
    done: (error: PlainError | null, data: Buffer, stat: { version: number }) => void,
  ): void
  getData(
    path: string,
    watcher: (event: unknown) => void,
    done: (error: PlainError | null, data: Buffer, stat: { version: number }) => void,
  ): void
  setData(path: string, data: Buffer | null, version: number, done: Done<{ version: number }>): void
  remove(path: string, version: number, done: Done): void
  removeRecursive(path: string, done: Done): void
  listSubTreeBFS(path: string, done: Done<string[]>): void
  getChildren(path: string, done: Done<string[]>): void
  setACL(path: string, acl: readonly unknown[], version: number, done: Done<unknown>): void
  transaction(): {
    setData(path: string, data: Buffer, version?: number): { commit(done: Done<unknown>): void }
  }
  /** Inside. */
  readonly connectionManager: {
    xid: number
    onSocketData(chunk: Buffer): void
    readonly credentials: unknown[]
    readonly watcherManager: {
      readonly dataWatchers: Readonly<Record<string, { listeners(event: string): unknown[] }>>
    }
  }
}

interface PlainModule {
  createClient(
    servers: string,
    options?: { sessionTimeout?: number; spinDelay?: number; retries?: number },
  ): PlainClient
  readonly CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL_SEQUENTIAL: number }
  readonly ACL: { readonly READ_ACL_UNSAFE: readonly unknown[] }
}

export const plain = createRequire(import.meta.url)('node-zookeeper-client') as PlainModule

/** A connected client; to be closed. */
export function connectPlain(
  servers: string,
  options: Parameters<PlainModule['createClient']>[1] = {},
): Promise<PlainClient> {
  return new Promise(resolve => {
    const client = plain.createClient(servers, { sessionTimeout: 10_000, ...options })
    client.once('connected', () => resolve(client))
    client.connect()
  })
}

/** What is called back, as a promise. */
export const called = <R>(call: (done: Done<R>) => void): Promise<R> =>
  new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result))))
