import { createRequire } from 'node:module'

/** What is used of node-zookeeper-client, which comes without types. */
export interface PlainClient {
  connect(): void
  close(): void
  once(event: 'connected', listener: () => void): void
  getData(
    path: string,
    done: (error: PlainError | null, data: Buffer, stat: { version: number }) => void,
  ): void
  getData(
    path: string,
    watcher: (event: unknown) => void,
    done: (error: PlainError | null, data: Buffer, stat: { version: number }) => void,
  ): void
  setData(path: string, data: Buffer, version: number, done: (error: PlainError | null) => void): void
  create(path: string, data: Buffer, done: (error: PlainError | null) => void): void
  mkdirp(path: string, done: (error: PlainError | null) => void): void
  getChildren(path: string, done: (error: PlainError | null, children: string[]) => void): void
  transaction(): PlainTransaction
}

export interface PlainTransaction {
  create(path: string, data: Buffer): PlainTransaction
  setData(path: string, data: Buffer, version?: number): PlainTransaction
  remove(path: string, version?: number): PlainTransaction
  commit(done: (error: PlainError | null) => void): void
}

export interface PlainError extends Error {
  readonly name: string
}

interface PlainModule {
  createClient(servers: string, options: { sessionTimeout: number }): PlainClient
}

const zookeeper = createRequire(import.meta.url)('node-zookeeper-client') as PlainModule

/** A connected node-zookeeper-client. */
export function connectPlain(servers: string): Promise<PlainClient> {
  return new Promise((resolve, reject) => {
    const client = zookeeper.createClient(servers, { sessionTimeout: 10_000 })
    const late = setTimeout(() => {
      client.close()
      reject(new Error(`no connection to ${servers}`))
    }, 15_000)
    client.once('connected', () => {
      clearTimeout(late)
      resolve(client)
    })
    client.connect()
  })
}

type Callback<R> = (error: Error | null, result: R) => void

const promised = <R>(start: (done: Callback<R>) => void): Promise<R> =>
  new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))))

/** One multi. */
export const commit = (client: PlainClient, fill: (transaction: PlainTransaction) => void): Promise<void> =>
  promised<void>(done => {
    const transaction = client.transaction()
    fill(transaction)
    transaction.commit(done as Callback<void>)
  })

export const makePath = (client: PlainClient, path: string): Promise<void> =>
  promised<void>(done => client.mkdirp(path, done as Callback<void>))

export const childrenOf = (client: PlainClient, path: string): Promise<string[]> =>
  promised<string[]>(done => client.getChildren(path, done))
