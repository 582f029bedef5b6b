import { wholeNumber } from '../../base/arguments.ts'
import { KVError } from '../../base/errors.ts'

/** An option that bounds something; throws `INVALID_ARGUMENT` unless it is a whole number. */
export const bound = (name: string, value: number | undefined, fallback: number, least = 1): number =>
  wholeNumber(name, value ?? fallback, least, Number.MAX_SAFE_INTEGER)

/** An option that bounds something, or, as `Infinity`, does not. */
export const wholeOrInfinite = (name: string, value: number | undefined, fallback: number): number =>
  value === Number.POSITIVE_INFINITY ? value : bound(name, value, fallback)

/** Refuses a time after which something expires that is no whole number of milliseconds. */
export const checkExpiry = (expireAfter: number | undefined): void => {
  if (expireAfter !== undefined) bound('expireAfter', expireAfter, expireAfter)
}

/** What an operator throws inside a callback of the process loop where it knows better than that the callback threw. */
export class Fault extends Error {
  readonly toError: (key: string | undefined) => KVError

  constructor(toError: (key: string | undefined) => KVError) {
    super()
    this.toError = toError
  }
}

/** Calls a function given by the user that is no callback of the process loop itself. */
export function calling<R>(name: string, call: () => R): R {
  try {
    return call()
  } catch (cause) {
    throw new Fault(key => callbackError(name, cause, key))
  }
}

/** The error of a function given by the user that threw. */
export function callbackError(name: string, cause: unknown, key?: string): KVError {
  if (cause instanceof Fault) return cause.toError(key)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KVError('CALLBACK', `\`${name}\` threw: ${reason}`, { cause, key })
}
