/**
 * How much of a monitor its visitors may have, whoever they are: so that none of them takes it from the others, nor files
 * and memory from the program that serves it. Times are in milliseconds.
 */
export interface Limits {
  /** Connections at a time; more are closed at once. */
  readonly connections: number
  /** Event streams at a time. */
  readonly streams: number
  /** Reads of the store under way. */
  readonly reads: number
  /** How long a request's headers may take. */
  readonly headersTimeout: number
  /** How long a request may take to arrive. */
  readonly requestTimeout: number
  /** How often the two are looked after. */
  readonly checkInterval: number
  /** How long a connection may take nothing of what it is sent. */
  readonly silence: number
}

export const LIMITS: Limits = {
  connections: 512,
  streams: 128,
  reads: 16,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  checkInterval: 1_000,
  silence: 30_000,
}
