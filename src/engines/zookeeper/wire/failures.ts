import { KVError } from '../../../base/errors.ts'
import { quoteKey } from '../../../contract/keys.ts'
import { Code, codeName } from './protocol.ts'

/** The error of an operation on `key` that the server answered with `code`, which no rule of its own covers. */
export function failure(code: number, what: string, key?: string): KVError {
  const subject = key === undefined ? what : `${what} ${quoteKey(key)}`
  const details = { key, cause: new Error(`ZooKeeper answered ${codeName(code)}`) }
  switch (code) {
    case Code.noAuth:
      return new KVError('AUTH', `not permitted to ${subject}`, details)
    case Code.quotaExceeded:
      return new KVError('QUOTA', `cannot ${subject}: the quota would be exceeded`, details)
    case Code.unimplemented:
      return new KVError('UNSUPPORTED', `this server cannot ${subject}`, details)
    case Code.notEmpty:
      return new KVError('ENGINE', `cannot ${subject}: another client has put nodes below it`, details)
    default:
      return new KVError('ENGINE', `cannot ${subject}: ZooKeeper answered ${codeName(code)}`, details)
  }
}

/**
 * Whether what was refused with `code` may be granted when asked again later: it is neither permission nor the server's
 * age.
 */
export const mayPass = (code: number): boolean => code !== Code.noAuth && code !== Code.unimplemented
