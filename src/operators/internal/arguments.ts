import { wholeNumber } from '../../arguments.ts'
import { KVError } from '../../errors.ts'

/** An option that bounds something; throws `INVALID_ARGUMENT` unless it is a whole number. */
export const bound = (name: string, value: number | undefined, fallback: number, least = 1): number =>
  wholeNumber(name, value ?? fallback, least, Number.MAX_SAFE_INTEGER)

/** The error of a function given by the user that threw. */
export function callbackError(name: string, cause: unknown, key?: string): KVError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KVError('CALLBACK', `\`${name}\` threw: ${reason}`, { cause, key })
}
