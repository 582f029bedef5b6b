import { alone } from '../alone.ts'
import { cached } from '../cached.ts'
import { cpu } from '../cpu.ts'
import { ensemble } from '../ensemble.ts'
import { get } from '../get.ts'
import { growthInFlight } from '../growth-in-flight.ts'
import { growthKeys } from '../growth-keys.ts'
import { growthRecords } from '../growth-records.ts'
import { growthStores } from '../growth-stores.ts'
import { growthValues } from '../growth-values.ts'
import { growthWatchers } from '../growth-watchers.ts'
import { lmdbLoop } from '../lmdb-loop.ts'
import { load } from '../load.ts'
import { loop } from '../loop.ts'
import { loopMemory } from '../loop-memory.ts'
import { ownWatch } from '../own-watch.ts'
import { owned } from '../owned.ts'
import { put } from '../put.ts'
import { readAll } from '../read-all.ts'
import { redis } from '../redis.ts'
import { tls } from '../tls.ts'
import { watch } from '../watch.ts'
import type { Question } from './question.ts'

/** All questions, in the order in which they are asked. */
export const questions: readonly Question[] = [
  get,
  put,
  loop,
  owned,
  loopMemory,
  cached,
  watch,
  readAll,
  alone,
  load,
  lmdbLoop,
  redis,
  cpu,
  ownWatch,
  ensemble,
  tls,
  growthKeys,
  growthValues,
  growthInFlight,
  growthRecords,
  growthWatchers,
  growthStores,
]
