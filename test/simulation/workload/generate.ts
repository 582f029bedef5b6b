import { Random } from '../../../src/testing/simulation/random.ts'
import { randomCall, randomReaction } from './calls.ts'
import { randomFault } from './faults.ts'
import { anyKey, COUNTERS, GARBAGE, HIDDEN, MANY, ORDINARY, RECORDS } from './keys.ts'
import type { Call, Operator, Plan, Planned, Reaction, StorePlan } from './plan.ts'

const PROCESSES = 3
const HUGE = 9_000_000
/** The smallest `maxPacketBytes`: the many keys are then read in several requests. */
const SMALLEST = 8192
/** How many of the many keys fit into one request of the smallest size. */
const SLICE = 15
const TIMEOUTS = [100, 400, 1000, 4000, 4000, 15_000]

function randomStore(random: Random, lasts: number, buckets: number, late: boolean): StorePlan {
  return {
    openAt: late ? random.between(0, lasts) : random.between(0, 50),
    process: random.below(PROCESSES),
    root: random.chance(0.9) ? '/one' : '/two/deep',
    buckets: random.chance(0.06) ? (buckets + 2) % 5 : buckets,
    timeout: random.pick(TIMEOUTS),
    cache: random.pick([0, 0, 2, 1000]),
    consistency: random.chance(0.35) ? 'linearizable' : 'session',
    sessionTimeout: random.pick([500, 2000, 6000, 30_000]),
    maxPacketBytes: random.pick([1_048_575, 1_048_575, SMALLEST, 40_000]),
  }
}

const OPERATORS: readonly (readonly [number, Operator])[] = [
  [4, 'processKV'],
  [3, 'updateKV'],
  [1, 'lookupKV'],
  [1, 'upsertKV'],
  [1, 'deleteKV'],
  [1, 'perKey'],
  [1, 'windowKV'],
  [1, 'sessionKV'],
  [1, 'historyKV'],
]

function randomPipeline(random: Random, at: number, store: number): Planned {
  const operator = random.weighted(OPERATORS)
  const keys: readonly string[] =
    operator === 'processKV' || operator === 'updateKV'
      ? COUNTERS
      : operator === 'lookupKV' || operator === 'upsertKV' || operator === 'deleteKV'
        ? ORDINARY
        : RECORDS
  const pace = random.pick([0, 0, 1, 200])
  const records = Array.from({ length: 1 + random.below(20) }, () => ({
    key: random.pick(keys),
    after: random.chance(0.5) ? 0 : random.between(0, pace),
  }))
  return {
    at,
    do: 'pipeline',
    store,
    operator,
    records,
    ...(random.chance(0.3) ? { concurrency: 1 + random.below(4) } : {}),
    ...(random.chance(0.2) ? { lasts: random.between(0, 2000) } : {}),
  }
}

/** What the callbacks of an episode have in common: nothing, mostly. */
type Mood = Reaction | 'any' | undefined

function randomMood(random: Random): Mood {
  return random.weighted<Mood>([
    [10, 'any'],
    [5, undefined],
    [5, { on: 'error', do: { type: 'again' } }],
    [1, { on: 'error', do: { type: 'close' } }],
  ])
}

interface Scene {
  readonly stores: number
  /** The store that most is asked of. */
  readonly hot: number
  readonly mood: Mood
  /** The key that most is about. */
  readonly key: string
}

function randomStep(random: Random, at: number, { stores, hot, mood, key: hotKey }: Scene): Planned {
  const store = random.chance(0.5) ? hot : random.below(stores)
  const lasts = random.chance(0.4) ? { lasts: random.between(0, 20_000) } : {}
  const reaction =
    mood === 'any'
      ? random.chance(0.15)
        ? { reaction: randomReaction(random, hotKey) }
        : {}
      : mood === undefined
        ? {}
        : { reaction: mood }
  const kind = random.weighted([
    [60, 'call'],
    [6, 'watch'],
    [5, 'changes'],
    [6, 'pipeline'],
    [1, 'close'],
    [0.5, 'kill process'],
    [8, 'stranger'],
  ] as const)
  switch (kind) {
    case 'call':
      return {
        at,
        do: kind,
        store,
        call: randomCall(random, hotKey),
        ...(random.chance(0.35) ? { timeout: random.pick([20, 200, 200, 1000, 5000]) } : {}),
        ...reaction,
        ...(random.chance(0.08) ? { unsubscribeAfter: random.chance(0.5) ? 0 : random.between(0, 50) } : {}),
      }
    case 'watch':
      return { at, do: kind, store, key: anyKey(random, hotKey), ...lasts, ...reaction }
    case 'changes':
      return { at, do: kind, store, ...(random.chance(0.2) ? { prefix: 'a' } : {}), ...lasts, ...reaction }
    case 'pipeline':
      return randomPipeline(random, at, store)
    case 'close':
      return { at, do: kind, store, again: random.chance(0.3) }
    case 'kill process':
      return { at, do: kind, process: random.below(PROCESSES) }
    case 'stranger': {
      const act = random.pick(['put', 'put', 'delete', 'recreate', 'garbage', 'hide'] as const)
      const key =
        act === 'garbage'
          ? GARBAGE
          : act === 'hide'
            ? HIDDEN
            : random.chance(0.4)
              ? hotKey
              : random.pick(ORDINARY)
      return { at, do: kind, root: '/one', key, act }
    }
  }
}

/** Something goes wrong, perhaps, and much is asked for about that time: at once, in a burst, or as long as it lasts. */
function* randomEpisode(random: Random, at: number, stores: number): Iterable<Planned> {
  const scene: Scene = {
    stores,
    hot: random.below(stores),
    mood: randomMood(random),
    key: random.pick(ORDINARY),
  }
  const lasts = random.between(0.1, 1) * random.pick([300, 1000, 3000, 12_000])
  for (let faults = random.below(3); faults > 0; faults--) {
    yield { at, do: 'fault', fault: randomFault(random, stores), lasts }
  }
  for (let bursts = 1 + random.below(3); bursts > 0; bursts--) {
    const from = at + random.between(-20, random.chance(0.5) ? 20 : lasts)
    const spread = random.pick([0, 5, 20, lasts])
    for (let left = 1 + random.below(20); left > 0; left--) {
      yield randomStep(random, Math.max(from + random.next() * spread, 0), scene)
    }
  }
}

/** Values so large that few of them are more than may wait, behind what is in flight, while there is no server. */
function* randomLoad(random: Random, at: number): Iterable<Planned> {
  yield { at, do: 'fault', fault: { type: 'kill server', server: 'leader' }, lasts: 3000 }
  for (let i = 0; i < 10; i++) {
    const call: Call = { type: 'put', key: MANY[i]! }
    yield { at: at + 10 + i, do: 'call', store: 0, call, timeout: 8000 }
  }
  for (let i = 0; i < 10; i++) {
    const call: Call = { type: 'put', key: random.pick(ORDINARY), bytes: HUGE }
    yield { at: at + 50 + i * 100, do: 'call', store: 0, call, timeout: 30 }
  }
}

/** Many keys, in several pages, that are written and deleted while they are listed over a slow line. */
function* randomListing(random: Random, at: number, stores: number): Iterable<Planned> {
  const store = random.below(stores)
  for (let from = 0; from < MANY.length; from += SLICE) {
    const call: Call = { type: 'putAll', keys: MANY.slice(from, from + SLICE) }
    yield { at, do: 'call', store, call, timeout: 5000 }
  }
  const follower = random.below(stores)
  const latency = random.pick([5, 20, 100])
  const lasts = latency * 20
  yield { at: at + 100, do: 'fault', fault: { type: 'slow', store: follower, latency, rate: 100_000 }, lasts }
  yield { at: at + 110, do: 'changes', store: follower }
  for (let left = 40; left > 0; left--) {
    const type = random.pick(['delete', 'delete', 'put'] as const)
    const call: Call = { type, key: random.pick(MANY) }
    yield {
      at: at + 110 + random.next() * latency * 10,
      do: 'call',
      store: random.below(stores),
      call,
      timeout: 5000,
    }
  }
}

/** A plan by a seed: everything in combination. */
export function generate(seed: string): Plan {
  const random = new Random(`${seed}/plan`)
  const lasts = random.pick([5000, 20_000, 60_000])
  const count = 1 + random.below(5)
  const buckets = random.pick([0, 0, 0, 3])
  const huge = random.chance(0.02)
  const listing = !huge && random.chance(0.06)
  const stores = Array.from({ length: count }, (_, i): StorePlan => {
    const store = randomStore(random, lasts, buckets, i > 0 && random.chance(0.3))
    return { ...store, maxPacketBytes: huge ? 2 * HUGE : listing ? SMALLEST : store.maxPacketBytes }
  })
  const planned: Planned[] = []
  for (let left = 1 + random.below(4); left > 0; left--) {
    planned.push(...randomEpisode(random, random.between(0, lasts), count))
  }
  // Before there is a root.
  if (random.chance(0.3)) planned.push(...randomEpisode(random, random.between(20, 100), count))
  if (listing) planned.push(...randomListing(random, random.between(500, lasts), count))
  if (huge) planned.push(...randomLoad(random, random.between(1000, lasts)))
  return {
    seed,
    servers: huge ? 1 : random.pick([1, 3, 3]),
    tick: random.pick([100, 500, 2000]),
    maxPacketBytes: huge ? 2 * HUGE : random.pick([1_048_575, 1_048_575, 1_048_575, 20_000]),
    lasts,
    stores,
    steps: planned.sort((a, b) => a.at - b.at).map((step, i) => ({ ...step, id: `s${i}` })),
  }
}
