import type { KVError, KVErrorCode } from '../base/errors.ts'

/** How long to wait before what failed for a reason that passes is tried again, in milliseconds. */
export const RETRY_PAUSE = 100

const PASSING: ReadonlySet<KVErrorCode> = new Set(['TIMEOUT', 'UNAVAILABLE', 'ENGINE', 'INDETERMINATE'])

/** Whether an error passes with time, so that it makes sense to try again. */
export const passes = (error: KVError): boolean => PASSING.has(error.code)
