/** Two ways to run a booking under a schedule of faults: on virtual time in memory, and on a real server. */
import { randomUUID } from 'node:crypto'
import {
  catchError,
  concatMap,
  endWith,
  firstValueFrom,
  from,
  ignoreElements,
  map,
  type Observable,
  of,
  tap,
  timer,
} from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { json, KVError, Memory, memoryStore, zookeeperStore } from 'rxkeeper'
import {
  faultyStore,
  inflictFaults,
  type StoreFault,
  startProxy,
  type ZooKeeperServer,
} from 'rxkeeper/testing'
import { type Account, type Accounts, audit, type Booking, type Payment, type Receipt } from './accounts.ts'

/** A payment that comes so many milliseconds after the one before. */
export interface Arrival extends Payment {
  readonly after: number
}

/** What a run came to. */
export interface Run {
  /** In the order in which they came. */
  readonly receipts: readonly Receipt[]
  /** `completed`, the code of the error that ended it, or `never`. */
  readonly ending: string
  /** What is stored when nothing is under way any more. */
  readonly accounts: ReadonlyMap<string, Account>
}

const value = json<Account>()

/** How long the store has for an operation, in milliseconds. */
const TIMEOUT = 15

/** Books the payments, each in its time; emits the receipts and the ending once. */
function book$(
  booking: Booking,
  accounts: Accounts,
  arrivals: readonly Arrival[],
  scale = 1,
): Observable<Omit<Run, 'accounts'>> {
  const receipts: Receipt[] = []
  return from(arrivals).pipe(
    concatMap(arrival => timer(arrival.after * scale).pipe(map(() => arrival))),
    booking(accounts),
    tap(receipt => receipts.push(receipt)),
    ignoreElements(),
    endWith('completed'),
    catchError((error: unknown) => of(error instanceof KVError ? error.code : String(error))),
    map(ending => ({ receipts, ending })),
  )
}

/** The accounts that are written in a run. */
const namesIn = (arrivals: readonly Arrival[], faults: readonly StoreFault[]): string[] => [
  ...arrivals.map(({ account }) => account),
  ...faults.flatMap(fault => (fault.type === 'write' ? fault.key : [])),
]

/** On virtual time: no server, no waiting. */
export function runVirtually(
  booking: Booking,
  arrivals: readonly Arrival[],
  faults: readonly StoreFault[],
): Run {
  const scheduler = new TestScheduler(() => {})
  return scheduler.run(({ flush }) => {
    const memory = new Memory()
    const store = faultyStore({ value, memory, scheduler, timeout: TIMEOUT, faults, otherWriter: audit })
    let run: Omit<Run, 'accounts'> = { receipts: [], ending: 'never' }
    book$(booking, store, arrivals).subscribe(result => {
      run = result
    })
    flush()
    let accounts = new Map<string, Account>()
    memoryStore({ value, memory, scheduler })
      .getAll$(namesIn(arrivals, faults))
      .subscribe(found => {
        accounts = found
      })
    flush()
    return { ...run, accounts }
  })
}

/** On a real server and a network that has these faults, as many times slower as `scale` says. */
export async function runOnServer(
  server: ZooKeeperServer,
  booking: Booking,
  arrivals: readonly Arrival[],
  faults: readonly StoreFault[],
  scale = 20,
): Promise<Run> {
  const root = `/property-testing-${randomUUID()}`
  await using proxy = await startProxy(server.servers)
  await using auditor = zookeeperStore({ servers: server.servers, root, value })
  await using store = zookeeperStore({
    servers: proxy.servers,
    root,
    value,
    timeout: TIMEOUT * scale,
    sessionTimeout: 1000,
  })
  const otherWrite = (account: string) => firstValueFrom(auditor.update$(account, audit))
  const [run] = await Promise.all([
    firstValueFrom(book$(booking, store, arrivals, scale)),
    inflictFaults(faults, { server, proxy, scale, otherWrite }),
  ])
  // With its session ended, nothing of it is under way.
  await store.close()
  return { ...run, accounts: await firstValueFrom(auditor.getAll$(namesIn(arrivals, faults))) }
}
