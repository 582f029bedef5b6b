import zookeeper from 'node-zookeeper-client'
import { CliError, ExitCode } from '../exit-codes.ts'
import type { BenchPlace } from './place.ts'
import { type Contender, keysUntil, LOOP_KEYS, type Stop, VALUE, type Work } from './work.ts'

/** How many requests are in flight. */
const IN_FLIGHT = 1024

type Done<R extends unknown[] = []> = (error: Error | null, ...results: R) => void

interface Stat {
  readonly version: number
}

/** The part of the plain client that we use. */
interface PlainClient {
  connect(): void
  close(): void
  once(event: 'connected', listener: () => void): void
  addAuthInfo(scheme: string, auth: Buffer): void
  getData(path: string, done: Done<[data: Buffer, stat: Stat]>): void
  setData(path: string, data: Buffer, version: number, done: Done<[stat: Stat]>): void
  getChildren(path: string, done: Done<[names: string[]]>): void
  remove(path: string, version: number, done: Done): void
}

/** node-zookeeper-client itself, used well: many requests in flight, the process loop's records of one key in order. */
export class Plain implements Contender {
  readonly name = 'node-zookeeper-client'
  readonly #client: PlainClient
  readonly #place: BenchPlace
  readonly #timeout: number

  constructor(place: BenchPlace, timeout: number) {
    const options = { sessionTimeout: 15_000 }
    this.#client = zookeeper.createClient(place.servers, options) as unknown as PlainClient
    this.#place = place
    this.#timeout = timeout
    const { credentials } = place
    if (credentials !== undefined) {
      this.#client.addAuthInfo('digest', Buffer.from(`${credentials.user}:${credentials.password}`))
    }
  }

  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () =>
        reject(new CliError('node-zookeeper-client did not connect in time', ExitCode.unavailable))
      const timer = setTimeout(late, this.#timeout)
      this.#client.once('connected', () => {
        clearTimeout(timer)
        resolve()
      })
      this.#client.connect()
    })
  }

  measure(work: Work, keys: readonly string[], stop: Stop): Promise<number> {
    const begin: Record<Work, (path: string, done: Done) => void> = {
      read: (path, done) => this.#client.getData(path, error => done(error)),
      write: (path, done) => this.#client.setData(path, VALUE, -1, error => done(error)),
      'process loop': (path, done) =>
        this.#client.getData(path, (error, data, stat) => {
          if (error !== null) done(error)
          else this.#client.setData(path, data, stat.version, conflict => done(conflict))
        }),
    }
    const used = work === 'process loop' ? keys.slice(0, LOOP_KEYS) : keys
    // The keys come in turn, and fewer requests are in flight than there are keys, so no two records of one key are in
    // flight.
    return this.#pump(keysUntil(used, stop), Math.min(IN_FLIGHT, used.length), begin[work])
  }

  /** Removes the root and everything below it. */
  async removeRoot(): Promise<void> {
    const { root } = this.#place
    const names = await this.#call<string[]>(done => this.#client.getChildren(root, done))
    await this.#pump(names.values(), IN_FLIGHT, (path, done) => this.#client.remove(path, -1, done))
    await this.#call<void>(done => this.#client.remove(root, -1, done))
  }

  close(): Promise<void> {
    this.#client.close()
    return Promise.resolve()
  }

  #call<R>(begin: (done: Done<[R]>) => void): Promise<R> {
    return new Promise((resolve, reject) =>
      begin((error, result) => (error === null || error === undefined ? resolve(result) : reject(error))),
    )
  }

  #pump(keys: Iterator<string>, limit: number, begin: (path: string, done: Done) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      let count = 0
      let inFlight = 0
      const next = (): boolean => {
        const { done, value } = keys.next()
        if (done) {
          if (inFlight === 0) resolve(count)
          return false
        }
        inFlight++
        begin(`${this.#place.root}/${value}`, error => {
          inFlight--
          count++
          if (error) reject(error)
          else next()
        })
        return true
      }
      for (let i = 0; i < limit; i++) if (!next()) return
    })
  }
}
