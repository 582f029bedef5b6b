import type FastCheck from 'fast-check'
import type { TestRunner } from './contract.ts'
import { failing } from './input-contract/failing.ts'
import { outages } from './input-contract/outages.ts'
import { pacing } from './input-contract/pacing.ts'
import { InputCase, type InputPlace, type InputSuite } from './input-contract/place.ts'
import { properties } from './input-contract/properties.ts'
import { reading } from './input-contract/reading.ts'
import { releasing } from './input-contract/releasing.ts'

/** Options of {@link partitionedInputContract}. */
export interface InputContractOptions<P> {
  /** The name in the report. */
  readonly name: string
  /** Whether reading ends at the end of a partition; otherwise it waits for more. */
  readonly bounded: boolean
  /** Makes a fresh place with this many empty partitions; called once per case. */
  place(partitions: number): InputPlace<P> | Promise<InputPlace<P>>
  /** Calls with wrong options, by what is wrong with them; each must throw `INVALID_ARGUMENT` at once. */
  readonly badOptions: Readonly<Record<string, () => unknown>>
  /**
   * How many records of 1,024 letters the cases about flat memory read.
   * @defaultValue 50000
   */
  readonly many?: number | undefined
  /** fast-check (`import fc from 'fast-check'`), for the properties, which are skipped without it. */
  readonly fastCheck?: typeof FastCheck | undefined
  /**
   * How many runs a property has.
   * @defaultValue 30
   */
  readonly runs?: number | undefined
  /**
   * The test runner.
   * @defaultValue the global `describe` and `it`
   */
  readonly runner?: TestRunner | undefined
}

/**
 * Declares the contract suite of partitioned inputs: what every adapter must do, whatever its broker. Cases that need
 * something the place does not offer (`appendUndecodable`, `trim`, `cut`, `restart`, `addPartition`) are skipped.
 *
 * @example
 * ```ts no-run
 * import fc from 'fast-check'
 * import { type ContractRecord, memoryInput, partitionedInputContract } from 'rxkeeper/testing'
 * import { describe, it } from 'vitest'
 *
 * partitionedInputContract<number>({
 *   name: 'memory',
 *   bounded: false,
 *   fastCheck: fc,
 *   runner: { describe, it },
 *   badOptions: {},
 *   place: count => {
 *     const partitions = Array.from({ length: count }, (_, i) => `p${i}`)
 *     const input = memoryInput<ContractRecord>({}, { live: true })
 *     for (const partition of partitions) input.append(partition)
 *     return {
 *       partitions,
 *       append: async (partition, records) => input.append(partition, ...records),
 *       open: () => input,
 *     }
 *   },
 * })
 * ```
 */
export function partitionedInputContract<P>(options: InputContractOptions<P>): void {
  const { name, place, bounded, badOptions, runner, fastCheck, runs = 30, many = 50_000 } = options
  const { describe, it } = runner ?? (globalThis as unknown as TestRunner)
  const suite: InputSuite<P> = {
    capabilities: { bounded, many },
    it: (caseName, partitions, run) =>
      it(caseName, async () => {
        await using test = new InputCase(await place(partitions))
        await run(test)
      }),
  }
  describe(`the contract of partitioned inputs: ${name}`, () => {
    describe('reading', () => reading(suite))
    describe('releasing', () => releasing(suite))
    describe('pacing', () => pacing(suite))
    describe('failing', () => failing(suite, badOptions))
    describe('outages', () => outages(suite))
    if (fastCheck !== undefined) describe('properties', () => properties(suite, fastCheck, runs))
  })
}
