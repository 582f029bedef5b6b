import type FastCheck from 'fast-check'
import { conditions } from './contract/conditions.ts'
import { expiry } from './contract/expiry.ts'
import { following } from './contract/following.ts'
import { isolation } from './contract/isolation.ts'
import { anyKey } from './contract/keys.ts'
import { lifecycle } from './contract/lifecycle.ts'
import { ownership } from './contract/ownership.ts'
import { type Capabilities, Case, type StorePlace, type Suite } from './contract/place.ts'
import { properties } from './contract/properties.ts'
import { ranges } from './contract/ranges.ts'
import { readsAndWrites } from './contract/reads-writes.ts'
import { samzaConformance } from './contract/samza.ts'
import { samzaOthers } from './contract/samza-others.ts'
import { subscriptions } from './contract/subscriptions.ts'
import { transactions } from './contract/transactions.ts'
import { updates } from './contract/updates.ts'
import { watching } from './contract/watching.ts'

/** The part of a test runner that the suite needs; vitest, Jest, Mocha and `node:test` have it. */
export interface TestRunner {
  /** Declares a group of cases. */
  describe(name: string, body: () => void): unknown
  /** Declares a case, which fails if `body` rejects. */
  it(name: string, body: () => Promise<void>): unknown
}

/** Options of {@link kvStoreContract}. */
export interface ContractOptions extends Partial<Capabilities> {
  /** The name in the report. */
  readonly name: string
  /** Makes a fresh, empty place for data; called once per case. */
  place(): StorePlace | Promise<StorePlace>
  /**
   * fast-check (`import fc from 'fast-check'`), for the part of the suite that tries random sequences and schedules of
   * operations against a model; without it, that part is skipped.
   */
  readonly fastCheck?: typeof FastCheck | undefined
  /**
   * How many sequences and schedules to try.
   * @defaultValue 100
   */
  readonly runs?: number | undefined
  /**
   * The test runner.
   * @defaultValue the global `describe` and `it`
   */
  readonly runner?: TestRunner | undefined
}

const SUBJECTS: Record<string, (suite: Suite) => void> = {
  'reads and writes': readsAndWrites,
  conditions,
  transactions,
  updates,
  ranges,
  expiry,
  watch: watching,
  changes: following,
  lifecycle,
  isolation,
  'what is whose': ownership,
  keys: anyKey,
  subscriptions,
  "Samza's cases": samzaConformance,
  "Samza's other cases": samzaOthers,
}

/**
 * Declares the contract suite of stores: what every `KVStore` must do, whatever its engine. It adapts to the
 * capabilities of the engine: `durable` (opened again, it finds its data), `shared` (several stores on the same data),
 * `ages` (a key can be brought to the end of its versions), `mayShare` (which keys a transaction can have), `keyBytes`
 * and `valueBytes` (its limits).
 *
 * @example
 * ```ts no-run
 * import fc from 'fast-check'
 * import { Memory, memoryStore } from 'rxkeeper'
 * import { kvStoreContract } from 'rxkeeper/testing'
 * import { describe, it } from 'vitest'
 *
 * kvStoreContract({
 *   name: 'memory',
 *   durable: true,
 *   shared: true,
 *   fastCheck: fc,
 *   runner: { describe, it },
 *   place: () => {
 *     const memory = new Memory()
 *     return { open: options => memoryStore({ ...options, memory }) }
 *   },
 * })
 * ```
 */
export function kvStoreContract(options: ContractOptions): void {
  const { name, place, runner, fastCheck, runs = 100, ...capabilities } = options
  const { describe, it } = runner ?? (globalThis as unknown as TestRunner)
  const suite: Suite = {
    capabilities: { durable: false, shared: false, ages: false, ...capabilities },
    it: (caseName, run) =>
      it(caseName, async () => {
        await using stores = new Case(await place())
        await run(stores)
      }),
  }
  describe(`the contract of stores: ${name}`, () => {
    for (const [subject, declare] of Object.entries(SUBJECTS)) describe(subject, () => declare(suite))
    if (fastCheck !== undefined) describe('properties', () => properties(suite, fastCheck, runs))
  })
}
