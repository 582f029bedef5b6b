import assert from 'node:assert/strict'
import { KVError, type KVErrorCode } from '../../base/errors.ts'
import type { Delivered, PartitionedInput } from '../../inputs/partitioned-input.ts'
import type { ContractRecord } from './place.ts'

/** How long the suite waits for an expected event, in milliseconds. */
export const PATIENCE = 30_000

/** A value after a round trip through JSON, as positions in the state make. */
export const throughJson = <P>(position: P): P =>
  position === undefined ? position : (JSON.parse(JSON.stringify(position)) as P)

/** The records from `from` to before `to`. */
export const records = (from: number, to: number, text = 'x'): ContractRecord[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i, text }))

export type Reading<P> = AsyncIterator<Delivered<ContractRecord, P>>

/** Begins to read. */
export const begin = <P>(
  input: PartitionedInput<ContractRecord, P>,
  partition: string,
  after?: P | undefined,
): Reading<P> => input.read(partition, after)[Symbol.asyncIterator]()

/** Settles as `promise` does, or rejects if that takes too long. */
export async function inTime<R>(promise: Promise<R>, what: string): Promise<R> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come in ${PATIENCE} ms`)), PATIENCE)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Takes the next `count` deliveries. */
export async function takeFrom<P>(
  reading: Reading<P>,
  count: number,
): Promise<Delivered<ContractRecord, P>[]> {
  const taken: Delivered<ContractRecord, P>[] = []
  while (taken.length < count) {
    const result = await inTime(reading.next(), `record ${taken.length} of ${count}`)
    assert.ok(!result.done, `reading ended after ${taken.length} of ${count} records`)
    taken.push(result.value)
  }
  return taken
}

/** Reads `count` deliveries of a partition, and stops. */
export async function take<P>(
  input: PartitionedInput<ContractRecord, P>,
  partition: string,
  count: number,
  after?: P | undefined,
): Promise<Delivered<ContractRecord, P>[]> {
  const reading = begin(input, partition, after)
  try {
    return await takeFrom(reading, count)
  } finally {
    await reading.return?.()
  }
}

/**
 * As {@link take}, but if the server was away for longer than the adapter waits, reads again after the last position.
 */
export async function takeThrough<P>(
  input: PartitionedInput<ContractRecord, P>,
  partition: string,
  count: number,
  took: (taken: number) => void,
): Promise<Delivered<ContractRecord, P>[]> {
  const taken: Delivered<ContractRecord, P>[] = []
  while (taken.length < count) {
    const reading = begin(input, partition, throughJson(taken.at(-1)?.position))
    try {
      while (taken.length < count) {
        taken.push(...(await takeFrom(reading, 1)))
        took(taken.length)
      }
    } catch (error) {
      if (!(error instanceof KVError && error.code === 'UNAVAILABLE')) throw error
    } finally {
      await reading.return?.()
    }
  }
  return taken
}

/** The numbers of the records. */
export const numbersOf = (deliveries: readonly Delivered<ContractRecord, unknown>[]): number[] =>
  deliveries.map(({ record }) => record.n)

/** Asserts that the next read fails with `code`. */
export async function rejects<P>(reading: Reading<P>, code: KVErrorCode): Promise<KVError> {
  const outcome = await inTime(
    reading.next().then(
      result => result,
      error => error,
    ),
    'an error',
  )
  if (!(outcome instanceof KVError)) {
    assert.fail(
      `expected to fail with ${code}, got ${outcome instanceof Error ? outcome : JSON.stringify(outcome)}`,
    )
  }
  assert.equal(outcome.code, code, outcome.message)
  assert.notEqual(outcome.message, '')
  return outcome
}
