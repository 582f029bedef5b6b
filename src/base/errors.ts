/**
 * The stable codes of {@link KVError}. Each has a heading in `src/README.md`.
 *
 * - `INVALID_KEY`: the key is empty, not well-formed Unicode, or too long for the engine
 * - `INVALID_ARGUMENT`: an option or argument is out of its range (the message names it)
 * - `VALUE_TOO_LARGE`: the encoded value, or a transaction, exceeds what the engine can take
 * - `VERSION_CONFLICT`: a condition (`ifVersion`) did not hold; nothing was written
 * - `CODEC`: the codec threw, or returned something that is not bytes
 * - `LATE`: the record is older than what the watermark waits for; it has left no trace
 * - `CALLBACK`: a function given by the user (key, transform, project, …) threw
 * - `TIMEOUT`: the deadline passed and the operation was certainly not carried out
 * - `INDETERMINATE`: sent, but the outcome could not be found out; it may have been carried out
 * - `UNAVAILABLE`: no server, and too much is waiting for one already; not carried out
 * - `AUTH`: the server refused the credentials, or they do not permit the operation
 * - `QUOTA`: the server refused the write because a quota would be exceeded
 * - `CLOSED`: the store is closed; not carried out
 * - `FENCED`: the partition belongs to another member of the group by now, or the move to another run of it; nothing
 *   was written
 * - `MOVED`: the store has been moved to another place (`movedTo`); nothing was written
 * - `UNSUPPORTED`: the engine or the server does not offer this
 * - `POSITION_LOST`: what an input had after the position is gone (trimmed, expired, truncated)
 * - `ENGINE`: the engine failed in a way that has no code of its own (see `cause`)
 */
export type KVErrorCode =
  | 'INVALID_KEY'
  | 'INVALID_ARGUMENT'
  | 'VALUE_TOO_LARGE'
  | 'VERSION_CONFLICT'
  | 'CODEC'
  | 'CALLBACK'
  | 'LATE'
  | 'TIMEOUT'
  | 'INDETERMINATE'
  | 'UNAVAILABLE'
  | 'AUTH'
  | 'QUOTA'
  | 'CLOSED'
  | 'FENCED'
  | 'MOVED'
  | 'UNSUPPORTED'
  | 'POSITION_LOST'
  | 'ENGINE'

/** The details of a {@link KVError} besides its code and message. */
export interface KVErrorDetails {
  /** The underlying error. */
  readonly cause?: unknown
  /** The key concerned. */
  readonly key?: string | undefined
  /** The partition of an input concerned. */
  readonly partition?: string | undefined
  /** The position in the partition concerned. */
  readonly position?: unknown
  /** The new place of the store: a URL without credentials. */
  readonly movedTo?: string | undefined
}

/**
 * The one error type of this library: a stable `code` to branch on, a message for people, the `cause` underneath.
 *
 * @example
 * ```ts
 * import { KVError, memoryStore, text } from 'rxkeeper'
 *
 * const store = memoryStore({ value: text })
 * store.put$('', 'x').subscribe({
 *   error: error => console.log(error instanceof KVError && error.code), // INVALID_KEY
 * })
 * ```
 */
export class KVError extends Error {
  override readonly name = 'KVError'
  /** The stable code. */
  readonly code: KVErrorCode
  /** The key concerned, where there is exactly one. */
  readonly key: string | undefined
  /** The partition of an input concerned, where there is one. */
  readonly partition: string | undefined
  /** The position in that partition, where there is one. */
  readonly position: unknown
  /** The new place of the store, after `MOVED`: a URL without credentials. */
  readonly movedTo: string | undefined

  constructor(code: KVErrorCode, message: string, details: KVErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.key = details.key
    this.partition = details.partition
    this.position = details.position
    this.movedTo = details.movedTo
  }

  /** The same error of one of those that failed together. */
  of(key: string | undefined, message: string = this.message): KVError {
    const { code, cause, movedTo } = this
    return new KVError(code, message, { key, cause, movedTo })
  }

  /** `error` itself where it is a KVError already, else a KVError of `code` with `error` as its cause. */
  static from(error: unknown, code: KVErrorCode, context: string, key?: string): KVError {
    if (error instanceof KVError) return error
    const reason = error instanceof Error ? error.message : String(error)
    return new KVError(code, `${context}: ${reason}`, { cause: error, key })
  }
}

/** Runs `work`; an error that it throws becomes a KVError of `code`, unless it is a KVError already. */
export function attempt<R>(code: KVErrorCode, context: string, key: string | undefined, work: () => R): R {
  try {
    return work()
  } catch (error) {
    throw KVError.from(error, code, context, key)
  }
}
