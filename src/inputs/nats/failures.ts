import type { JetStreamApiError } from '@nats-io/jetstream'
import { KVError, type KVErrorCode } from '../../base/errors.ts'

/** JetStream's error code where the account may not use it. */
const NOT_ENABLED = 10039

/** Errors of the client library for which a retry does not help. */
const REFUSED = new Set(['AuthorizationError', 'PermissionViolationError', 'UserAuthenticationExpiredError'])

/** Whether JetStream itself answered with this error; otherwise a connection failed. */
export const isAnswer = (error: unknown): error is JetStreamApiError =>
  error instanceof Error && 'apiError' in error

const named = (error: unknown, name: string): boolean => error instanceof Error && error.name === name

export const isStreamGone = (error: unknown): boolean => named(error, 'StreamNotFoundError')

export const isConsumerGone = (error: unknown): boolean => named(error, 'ConsumerNotFoundError')

/** Nobody listens to this subject, or JetStream is not available. */
export const isUnheard = (error: unknown): boolean => named(error, 'JetStreamNotEnabled')

function codeOf(error: unknown): KVErrorCode | undefined {
  if (isAnswer(error)) {
    if (error.code === NOT_ENABLED) return 'UNSUPPORTED'
    // A filter that matches no subject of the stream, an invalid name, …
    return error.status === 400 ? 'INVALID_ARGUMENT' : undefined
  }
  return error instanceof Error && REFUSED.has(error.name) ? 'AUTH' : undefined
}

/** The error to fail with, where a retry would not help. */
export function permanent(error: unknown, context: string): KVError | undefined {
  if (error instanceof KVError) return error
  const code = codeOf(error)
  return code === undefined ? undefined : KVError.from(error, code, context)
}
