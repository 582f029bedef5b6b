import type { KVError, KVErrorCode } from '../base/errors.ts'

/** The pause before a retry after a transient error, in milliseconds. */
export const RETRY_PAUSE = 100

const PASSING: ReadonlySet<KVErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'ENGINE', 'INDETERMINATE'])

/** Whether an error is transient, so that a retry may succeed. */
export const passes = (error: KVError): boolean => PASSING.has(error.code)
