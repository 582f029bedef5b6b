import type { JetStreamApiError } from '@nats-io/jetstream'
import { KVError, type KVErrorCode } from '../../base/errors.ts'

/** What JetStream says where the account may not use it. */
const NOT_ENABLED = 10039

/** Errors of the client library that trying again does not mend. */
const REFUSED = new Set(['AuthorizationError', 'PermissionViolationError', 'UserAuthenticationExpiredError'])

/** Whether JetStream itself answered so, and no connection failed. */
export const isAnswer = (error: unknown): error is JetStreamApiError =>
  error instanceof Error && 'apiError' in error

const named = (error: unknown, name: string): boolean => error instanceof Error && error.name === name

export const isStreamGone = (error: unknown): boolean => named(error, 'StreamNotFoundError')

export const isConsumerGone = (error: unknown): boolean => named(error, 'ConsumerNotFoundError')

/** Nobody takes messages of this subject, or JetStream is not there at all. */
export const isUnheard = (error: unknown): boolean => named(error, 'JetStreamNotEnabled')

function codeOf(error: unknown): KVErrorCode | undefined {
  if (isAnswer(error)) {
    if (error.code === NOT_ENABLED) return 'UNSUPPORTED'
    // A filter that the stream has no subject for, a name that is none, …
    return error.status === 400 ? 'INVALID_ARGUMENT' : undefined
  }
  return error instanceof Error && REFUSED.has(error.name) ? 'AUTH' : undefined
}

/** The error to end with, where trying again would not help. */
export function permanent(error: unknown, context: string): KVError | undefined {
  if (error instanceof KVError) return error
  const code = codeOf(error)
  return code === undefined ? undefined : KVError.from(error, code, context)
}
