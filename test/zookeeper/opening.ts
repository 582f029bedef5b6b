import { filter, firstValueFrom, map, type Observable } from 'rxjs'
import { KVError } from '../../src/base/errors.ts'
import { text } from '../../src/codecs.ts'
import type { ConnectionState, Engine, Status, WriteDue } from '../../src/contract/engine.ts'
import { ZooKeeperEngine, type ZooKeeperEngineOptions } from '../../src/engines/zookeeper/engine.ts'
import { parseServers } from '../../src/engines/zookeeper/session/addresses.ts'
import { encodeAcl } from '../../src/engines/zookeeper/wire/requests.ts'

export const OPEN_ACL = encodeAcl([{ perms: 31, scheme: 'world', id: 'anyone' }])

/** An engine on `servers`, closed with the scope. */
export function openEngine(
  servers: string,
  options: Partial<Omit<ZooKeeperEngineOptions, 'servers'>> = {},
): ZooKeeperEngine & AsyncDisposable {
  const engine = new ZooKeeperEngine({
    root: '/',
    buckets: 0,
    // Long enough for a machine that has much else to do.
    timeout: 10_000,
    acl: OPEN_ACL,
    linearizable: false,
    maxPacketBytes: 1_048_575,
    ...options,
    servers: parseServers(servers),
  })
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.close() })
}

export const within = (milliseconds: number): WriteDue => {
  const deadline = performance.now() + milliseconds
  return { deadline, deadlineOf: () => deadline, settled: () => {} }
}

/** The next status of that kind, the current one included. */
export const reached = (engine: Pick<Engine, 'status$'>, state: ConnectionState): Promise<Status> =>
  firstValueFrom(engine.status$.pipe(filter(status => status.state === state)))

/** The code and message of the error that an Observable or promise ends with. */
export async function failureOf(answer: Observable<unknown> | Promise<unknown>): Promise<KVError> {
  try {
    const value = await ('subscribe' in answer ? firstValueFrom(answer) : answer)
    throw new Error(`expected an error, got ${JSON.stringify(value)}`)
  } catch (error) {
    if (error instanceof KVError) return error
    throw error
  }
}

export const put = (key: string, value: string | Buffer, ifVersion?: number | 'absent') =>
  ({ type: 'put', key, value: typeof value === 'string' ? text.encode(value) : value, ifVersion }) as const

/** What is stored, as text, in the order of the keys. */
export const valuesOf = (engine: Engine, ...keys: string[]): Promise<(string | undefined)[]> =>
  firstValueFrom(
    engine.read(keys, within(20_000)).pipe(
      map(all =>
        all.map(stored => {
          if (stored instanceof KVError) throw stored
          return stored === undefined ? undefined : text.decode(stored.value)
        }),
      ),
    ),
  )
