/**
 * Windows: what it costs to tell each when it is final, against windows that tell every record.
 *
 *   npx tsx --conditions=rxkeeper-source benchmarks/windows.ts [STORE-URL] [RECORDS]
 *
 * A store that is given must be empty. Processor time of this process, and elapsed time, the least of several passes by turns.
 */
import { count, lastValueFrom, type OperatorFunction } from 'rxjs'
import { json, openStore, pull$, type Window, windowKV } from 'rxkeeper'

const [, , url = 'memory:', many = '100000'] = process.argv
const RECORDS = Number(many)
const KEYS = 1000
const PASSES = 4
const SIZE = 1000

interface Item {
  readonly key: string
  readonly at: number
}

const store = openStore(url, { value: json<Window<number>>() })
const keyOf = ({ key }: Item): string => key
const timeOf = ({ at }: Item): number => at
const add = (_: Item, sum = 0): number => sum + 1

/** Records of keys by turns; so many of a key are in a window. */
function* items(prefix: string, inWindow: number): Iterable<Item> {
  const step = SIZE / (KEYS * inWindow)
  for (let i = 0; i < RECORDS; i++) yield { key: `${prefix}-${i % KEYS}`, at: i * step }
}

const ways: Readonly<Record<string, (name: string) => OperatorFunction<Item, unknown>>> = {
  'windows, every record': () => windowKV(store, keyOf, add, { timeOf, size: SIZE }),
  'windows, final': name => windowKV(store, keyOf, add, { timeOf, size: SIZE, emit: 'final', name }),
  'windows, final, none kept': name =>
    windowKV(store, keyOf, add, { timeOf, size: SIZE, emit: 'final', name, keep: 0 }),
}

for (const inWindow of [2, 20]) {
  const least = new Map<string, { cpu: number; elapsed: number }>()
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [i, [name, make]] of Object.entries(ways).entries()) {
      const prefix = `${inWindow}-${pass}-${i}`
      const begin = performance.now()
      const before = process.cpuUsage()
      await lastValueFrom(pull$(items(prefix, inWindow)).pipe(make(prefix), count()))
      const { user, system } = process.cpuUsage(before)
      const elapsed = 1000 * (performance.now() - begin)
      const best = least.get(name) ?? { cpu: Number.POSITIVE_INFINITY, elapsed: Number.POSITIVE_INFINITY }
      least.set(name, { cpu: Math.min(user + system, best.cpu), elapsed: Math.min(elapsed, best.elapsed) })
    }
  }
  const [plain] = least.values()
  for (const [name, { cpu, elapsed }] of least) {
    const each = (time: number): string => `${(time / RECORDS).toFixed(2)} µs`
    console.log(
      `${inWindow} records a window: ${name}: ${each(cpu)} of processor, ${each(elapsed)} elapsed; ` +
        `rate ${(plain!.elapsed / elapsed).toFixed(2)}, by processor ${(plain!.cpu / cpu).toFixed(2)}`,
    )
  }
}
await store.close()
