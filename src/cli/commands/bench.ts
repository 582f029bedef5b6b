import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { type BenchPlace, placeOf } from '../bench/place.ts'
import { Plain } from '../bench/plain.ts'
import { RxKeeper } from '../bench/rxkeeper.ts'
import { type Contender, median, type Stop, WORKS, type Work } from '../bench/work.ts'
import { CliError } from '../exit-codes.ts'
import { Invocation } from '../invocation.ts'
import { count, Progress } from '../progress.ts'
import { type StoreCommandOptions, wholeNumberFrom, withStoreOptions } from '../store.ts'

interface Options extends StoreCommandOptions {
  readonly keys: number
  readonly rounds: number
  readonly milliseconds: number
}

/** `rxkeeper bench` */
export const benchCommand = (): Command =>
  withStoreOptions(new Command('bench'))
    .summary('measure your own ensemble')
    .description(
      'Measures what your ensemble gives through rxkeeper and through node-zookeeper-client used well (1,024 requests in ' +
        'flight), in turns: single reads, single writes, and the process loop (read, compute, write on condition). It works ' +
        'below a root of its own beside the one you name, and removes it.',
    )
    .option('--keys <count>', 'how many keys', wholeNumberFrom(1), 5_000)
    .option('--rounds <count>', 'how many rounds; medians are shown', wholeNumberFrom(1), 3)
    .option('--milliseconds <ms>', 'how long each measurement takes', wholeNumberFrom(1), 1_000)
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper bench --store zookeeper://localhost:2181
  $ rxkeeper bench --store zookeeper://a:2181,b:2181,c:2181/apps --rounds 5`,
    )
    .action(async (options: Options) => {
      process.exitCode = await new Invocation(options).run(session => bench(session, options))
    })

async function bench(session: Invocation, options: Options): Promise<void> {
  const named = placeOf(options.store)
  const parent = named.root === '/' ? '/rxkeeper' : named.root
  const place: BenchPlace = { ...named, root: `${parent}-bench-${randomBytes(4).toString('hex')}` }
  const ours = new RxKeeper(place, options.timeout)
  const plain = new Plain(place, options.timeout)
  try {
    await ours.open()
    try {
      await plain.open()
      const rates = await measureAll(session, ours, plain, options)
      for (const work of WORKS) show(session, work, rates)
    } finally {
      // Ends our session first, so that its end removes nothing later.
      await ours.close()
      await plain.removeRoot().catch(error => {
        throw new CliError(`${place.root} could not be removed: ${error}`)
      })
    }
  } finally {
    await Promise.all([ours.close(), plain.close()])
  }
}

/** The median rates of both contenders, per kind of work. */
type Rates = ReadonlyMap<Work, { readonly ours: number; readonly plain: number }>

async function measureAll(
  session: Invocation,
  ours: RxKeeper,
  plain: Plain,
  options: Options,
): Promise<Rates> {
  const { rounds, milliseconds } = options
  const keys = Array.from({ length: options.keys }, (_, i) => `key-${String(i).padStart(8, '0')}`)
  const total = rounds * WORKS.length * 2
  const progress = new Progress(session, total)
  const rates = new Map<Work, { ours: number; plain: number }>()
  let done = 0
  const rate = async (contender: Contender, work: Work): Promise<number> => {
    session.stopping.throwIfAborted()
    progress.update(done++, `${contender.name}: ${work}`)
    const began = performance.now()
    const stop: Stop = {
      get now() {
        return session.stopping.aborted || performance.now() - began >= milliseconds
      },
    }
    const times = await contender.measure(work, keys, stop)
    return times / ((performance.now() - began) / 1000)
  }
  try {
    await ours.load(keys)
    for (const work of WORKS) {
      const of: { ours: number[]; plain: number[] } = { ours: [], plain: [] }
      for (let round = 0; round < rounds; round++) {
        of.plain.push(await rate(plain, work))
        of.ours.push(await rate(ours, work))
      }
      rates.set(work, { ours: median(of.ours), plain: median(of.plain) })
    }
    session.stopping.throwIfAborted()
    return rates
  } finally {
    progress.stop()
  }
}

function show(session: Invocation, work: Work, rates: Rates): void {
  const { ours, plain } = rates.get(work)!
  const ratio = ours / plain
  const { bold, dim } = session.colors
  session.show(
    {
      work,
      rxkeeper: Math.round(ours),
      'node-zookeeper-client': Math.round(plain),
      ratio: Number(ratio.toFixed(2)),
    },
    `${work.padEnd(14)}${count(ours).padStart(10)}/s ${dim(`node-zookeeper-client ${count(plain).padStart(8)}/s`)}  ` +
      bold(`${ratio.toFixed(1)} ×`),
  )
}
