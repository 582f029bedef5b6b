/**
 * Timers: what one costs beside a write of the state, how fast a million that are overdue are fired, and how late timers fire.
 *
 *   npx tsx --conditions=rxkeeper-source benchmarks/timers.ts [STORE-URL] [MANY]
 *
 * A store that is given must be empty. Costs are in processor time of this process, and in elapsed time.
 */
import { filter, from, lastValueFrom, type Observable, Subject, take, tap } from 'rxjs'
import { FiredTimer, json, type KVStore, openStore, processKV, pull$ } from 'rxkeeper'

const [, , url = 'memory:', many = '1000000'] = process.argv
const MANY = Number(many)
/** Records of a pass of the comparison, each of a key of its own. */
const PASS = Math.min(50_000, MANY)
const PASSES = 6
const PER_SECOND = 10_000
const SECONDS = 5

interface Value {
  readonly count: number
  readonly note: string
}

interface Item {
  readonly key: string
  readonly at: number
}

const note = 'n'.repeat(80)
const store = openStore(url, { value: json<Value>() })
const next = (before: Value | undefined): Value => ({ count: (before?.count ?? 0) + 1, note })
const last = <T>(source$: Observable<T>): Promise<T | undefined> =>
  lastValueFrom(source$, { defaultValue: undefined })

function* items(prefix: string, count: number): Iterable<Item> {
  for (let i = 0; i < count; i++) yield { key: `${prefix}-${i}`, at: i }
}

const NEVER = 1e12

/** Writes values, with a timer that is never due, or none. */
const writing = (target: KVStore<Value>, sets: boolean, name: string) =>
  processKV(
    target,
    (item: Item) => item.key,
    (item, value, timers) => {
      if (sets) timers.set(NEVER + item.at)
      return next(value)
    },
    { commitSize: 2048, timers: { name, timeOf: item => item.at, onTimer: (_, value) => value } },
  )

const plain = (target: KVStore<Value>) =>
  processKV(
    target,
    (item: Item) => item.key,
    (_, value) => next(value),
    { commitSize: 2048 },
  )

interface Cost {
  readonly cpu: number
  readonly elapsed: number
}

async function cost(work: () => Promise<unknown>): Promise<Cost> {
  const begin = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { cpu: user + system, elapsed: (performance.now() - begin) * 1000 }
}

/** The least of several passes, by turns, so that a machine that is busy now and then is fair to all. */
async function compare(): Promise<void> {
  const ways = {
    'a value': (prefix: string) => last(pull$(items(prefix, PASS)).pipe(plain(store))),
    'a value, in a loop with timers': (prefix: string) =>
      last(pull$(items(prefix, PASS)).pipe(writing(store, false, prefix))),
    'a value and a timer': (prefix: string) =>
      last(pull$(items(prefix, PASS)).pipe(writing(store, true, prefix))),
  }
  const least = new Map<string, Cost>()
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [name, run] of Object.entries(ways)) {
      const { cpu, elapsed } = await cost(() => run(`cost-${pass}-${name[8]}${name.length}`))
      const before = least.get(name) ?? { cpu: Number.POSITIVE_INFINITY, elapsed: Number.POSITIVE_INFINITY }
      least.set(name, { cpu: Math.min(cpu, before.cpu), elapsed: Math.min(elapsed, before.elapsed) })
    }
  }
  for (const [name, { cpu, elapsed }] of least)
    console.log(
      `${name}: ${(cpu / PASS).toFixed(2)} µs of processor, ${(elapsed / PASS).toFixed(2)} µs elapsed`,
    )
}

/** Sets many timers, and in another subscription lets them all be due at once. */
async function overdue(): Promise<void> {
  const process$ = (fired: () => void) =>
    processKV(
      store,
      (item: Item) => item.key,
      (item, value, timers) => {
        timers.set(MANY + item.at)
        return next(value)
      },
      {
        commitSize: 2048,
        timers: { name: 'overdue', timeOf: item => item.at, onTimer: () => undefined, project: fired },
      },
    )
  await last(pull$(items('overdue', MANY)).pipe(process$(() => {})))
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  let count = 0
  let most = 0
  const fired = (): void => {
    if (++count % 50_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed)
  }
  const { elapsed, cpu } = await cost(() => last(from([{ key: 'end', at: 3 * MANY }]).pipe(process$(fired))))
  const megabytes = ((most - before) / 1_048_576).toFixed(0)
  console.log(
    `${count} overdue timers fired in ${(elapsed / 1e6).toFixed(2)} s (${(cpu / 1e6).toFixed(2)} s of processor), at most ${megabytes} MiB of heap more`,
  )
}

/** Lets so many timers be due each second, by the clock. */
async function lateness(): Promise<void> {
  const all = PER_SECOND * SECONDS
  const records$ = new Subject<Item>()
  const late: number[] = []
  const begin = Date.now() + 5000
  const end = last(
    records$.pipe(
      processKV(
        store,
        item => item.key,
        (item, value, timers) => {
          timers.set(begin + item.at / (PER_SECOND / 1000))
          return next(value)
        },
        { commitSize: 2048, timers: { name: 'lateness', onTimer: (_, value) => value } },
      ),
      filter(([cause]) => cause instanceof FiredTimer),
      tap(([timer]) => late.push(Date.now() - (timer as FiredTimer).at)),
      take(all),
    ),
  )
  for (const item of items('late', all)) records$.next(item)
  await end
  late.sort((a, b) => a - b)
  const at = (part: number): string => late[Math.floor(part * (late.length - 1))]!.toFixed(1)
  console.log(
    `${PER_SECOND} timers a second are late by ${at(0.5)} ms (p50), ${at(0.99)} ms (p99), ${at(1)} ms at most`,
  )
}

await compare()
await overdue()
await lateness()
await store.close()
