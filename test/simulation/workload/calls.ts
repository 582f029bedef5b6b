import type { Random } from '../../../src/testing/simulation/random.ts'
import { anyKey, COUNTERS, someKeys } from './keys.ts'
import type { Call, Condition, Reaction, TransactWrite } from './plan.ts'

const randomCondition = (random: Random): Condition =>
  random.weighted<Condition>([
    [4, undefined],
    [2, 'seen'],
    [1, 'absent'],
    [1, random.below(3)],
  ])

const ofVersion = (random: Random): Condition =>
  random.weighted<Condition>([
    [4, undefined],
    [2, 'seen'],
    [1, random.below(3)],
  ])

function randomWrite(random: Random, key: string): TransactWrite {
  const type = random.pick(['put', 'put', 'delete', 'check'] as const)
  if (type === 'check') return { type, key, ifVersion: random.pick(['seen', 'absent'] as const) }
  return { type, key, ifVersion: type === 'put' ? randomCondition(random) : ofVersion(random) }
}

/** Bytes of values: small ones, and some about the limits. */
const randomBytes = (random: Random): { readonly bytes?: number } =>
  random.chance(0.12) ? { bytes: random.pick([300, 5000, 15_000, 30_000, 300_000, 1_040_000]) } : {}

export function randomCall(random: Random, hot: string): Call {
  const key = anyKey(random, hot)
  const type = random.weighted([
    [5, 'get'],
    [2, 'entry'],
    [2, 'getAll'],
    [1, 'entryAll'],
    [6, 'put'],
    [2, 'putAll'],
    [2, 'delete'],
    [1, 'deleteAll'],
    [8, 'update'],
    [3, 'transact'],
    [1, 'entries'],
    [1, 'keys'],
    [0.5, 'unencodable'],
  ] as const)
  switch (type) {
    case 'getAll':
    case 'entryAll':
    case 'putAll':
    case 'deleteAll':
      return { type, keys: someKeys(random, hot) }
    case 'put':
      return { type, key, ifVersion: randomCondition(random), ...randomBytes(random) }
    case 'delete':
      return { type, key, ifVersion: ofVersion(random) }
    case 'update':
      if (random.chance(0.5)) return { type, key: random.pick(COUNTERS) }
      return { type, key, remove: random.chance(0.15) }
    case 'transact':
      return { type, writes: someKeys(random, hot).map(each => randomWrite(random, each)) }
    case 'entries':
    case 'keys':
      return {
        type,
        reverse: random.chance(0.2),
        ...(random.chance(0.2) ? { limit: 1 + random.below(3) } : {}),
      }
    default:
      return { type, key }
  }
}

export function randomReaction(random: Random, hot: string, depth = 0): Reaction {
  const on = random.pick(['next', 'error', 'complete'] as const)
  const type = random.weighted([
    [6, 'call'],
    [3, 'again'],
    [1, 'close'],
    [1, 'unsubscribe'],
    [1, 'unsubscribe others'],
    [1, 'throw'],
  ] as const)
  if (type !== 'call') return { on, do: { type } }
  return {
    on,
    do: {
      type,
      call: randomCall(random, hot),
      ...(random.chance(0.3) ? { timeout: random.pick([20, 200, 1000]) } : {}),
      ...(depth < 2 && random.chance(0.4) ? { reaction: randomReaction(random, hot, depth + 1) } : {}),
    },
  }
}
