import { KVError } from '../base/errors.ts'
import { identityOf, type Undecodable } from './partitioned-input.ts'

/** Passes a record that cannot be decoded to the `undecodable` option; throws without one. */
export async function refuse<P>(
  record: Omit<Undecodable<P>, 'error'>,
  cause: unknown,
  take: ((letter: Undecodable<P>) => unknown) | undefined,
): Promise<void> {
  const { partition, position } = record
  const place = identityOf(partition, position)
  const reason = cause instanceof Error ? cause.message : String(cause)
  const details = { partition, position }
  const code = cause instanceof KVError && cause.code === 'VALUE_TOO_LARGE' ? cause.code : 'CODEC'
  const error = new KVError(code, `cannot decode ${place}: ${reason}`, { cause, ...details })
  if (take === undefined) throw error
  try {
    await take({ ...record, error })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new KVError('CALLBACK', `\`undecodable\` threw on ${place}: ${reason}`, { cause, ...details })
  }
}
