import { wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'

/** An option that is a limit; throws `INVALID_ARGUMENT` unless it is a whole number. */
export const bound = (name: string, value: number | undefined, fallback: number, least = 1): number =>
  wholeNumber(name, value ?? fallback, least, Number.MAX_SAFE_INTEGER)

/** An option that is a limit, or `Infinity`. */
export const wholeOrInfinite = (name: string, value: number | undefined, fallback: number): number =>
  value === Number.POSITIVE_INFINITY ? value : bound(name, value, fallback)

/** Throws `INVALID_ARGUMENT` unless `expireAfter` is a whole number of milliseconds. */
export const checkExpiry = (expireAfter: number | undefined): void => {
  if (expireAfter !== undefined) bound('expireAfter', expireAfter, expireAfter)
}

/** Thrown by an operator inside a callback of the process loop, to fail with its own error instead of `CALLBACK`. */
export class Fault extends Error {
  readonly toError: (key: string | undefined) => KVError

  constructor(toError: (key: string | undefined) => KVError) {
    super()
    this.toError = toError
  }
}

/** Calls a user's function that is not itself a callback of the process loop. */
export function calling<R>(name: string, call: () => R): R {
  try {
    return call()
  } catch (cause) {
    throw new Fault(key => callbackError(name, cause, key))
  }
}

/** The error for a user's function that threw. */
export function callbackError(name: string, cause: unknown, key?: string): KVError {
  if (cause instanceof Fault) return cause.toError(key)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KVError('CALLBACK', `\`${name}\` threw: ${reason}`, { cause, key })
}
