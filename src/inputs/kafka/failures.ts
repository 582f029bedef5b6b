import { KVError, type KVErrorCode } from '../../base/errors.ts'

/** The name of an error in Kafka's protocol, found inside kafkajs's wrappers. */
export function typeOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { type } = each as { type?: unknown }
    if (typeof type === 'string') return type
  }
  return undefined
}

const CODES: Readonly<Record<string, KVErrorCode>> = {
  TOPIC_AUTHORIZATION_FAILED: 'AUTH',
  GROUP_AUTHORIZATION_FAILED: 'AUTH',
  CLUSTER_AUTHORIZATION_FAILED: 'AUTH',
  SASL_AUTHENTICATION_FAILED: 'AUTH',
  UNSUPPORTED_SASL_MECHANISM: 'AUTH',
  INVALID_TOPIC_EXCEPTION: 'INVALID_ARGUMENT',
  UNSUPPORTED_VERSION: 'UNSUPPORTED',
}

/** The errors of kafkajs itself, by name. */
const NAMES: Readonly<Record<string, KVErrorCode>> = {
  KafkaJSSASLAuthenticationError: 'AUTH',
  KafkaJSNotImplemented: 'UNSUPPORTED',
}

function codeOf(error: unknown): KVErrorCode | undefined {
  const code = CODES[typeOf(error) ?? '']
  if (code !== undefined) return code
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name in NAMES) return NAMES[each.name]
  }
  return undefined
}

/** The error to fail with, where a retry would not help. */
export function permanent(error: unknown, context: string, partition?: string): KVError | undefined {
  if (error instanceof KVError) return error
  const code = codeOf(error)
  if (code === undefined) return undefined
  const reason = error instanceof Error ? error.message : String(error)
  return new KVError(code, `${context}: ${reason}`, { cause: error, partition })
}

/** The address of the broker that did not answer in time, if that is what this error says. */
export function silentBroker(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.name === 'KafkaJSRequestTimeoutError') return (each as { broker?: string }).broker
  }
  return undefined
}

/** Whether a broker answered with this error; otherwise a connection failed. */
export const isAnswer = (error: unknown): boolean => typeOf(error) !== undefined
