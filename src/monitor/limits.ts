/**
 * Limits for all visitors together, so that none of them can block the others, or use up the memory and files of the
 * program that serves the monitor. Times are in milliseconds.
 */
export interface Limits {
  /** The most connections at a time; further ones are closed at once. */
  readonly connections: number
  /** The most event streams at a time. */
  readonly streams: number
  /** The most reads of the store at a time. */
  readonly reads: number
  /** How long the headers of a request may take to arrive. */
  readonly headersTimeout: number
  /** How long a request may take to arrive. */
  readonly requestTimeout: number
  /** How often these two are checked. */
  readonly checkInterval: number
  /** How long a connection may accept no data. */
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
