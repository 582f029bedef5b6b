import type { Place } from './question.ts'

/*
 * What passes between the runner and a contender's process: Node's own channel to one in Node, lines of JSON on
 * standard input and output to one in another language.
 */

/** To a contender. */
export type Order =
  | { readonly do: 'open'; readonly work: string; readonly contender: string; readonly place: Place }
  /** Passes for at least so many milliseconds. */
  | { readonly do: 'round'; readonly milliseconds: number }
  | { readonly do: 'close' }
  /** The other client has written what was asked for. */
  | { readonly do: 'written' }

/** What one round of passes took. */
export interface Round {
  readonly operations: number
  readonly seconds: number
  /** CPU seconds of the contender's process and of the server's. */
  readonly clientCpu: number
  readonly serverCpu: number
  /** Microseconds each, where latencies are compared: the median of the round. */
  readonly latency?: number
  /** Megabytes: in use after garbage collection, and the largest the process ever was. */
  readonly heap?: number
  readonly peakMemory?: number
}

/** From a contender. */
export type Report =
  | { readonly is: 'opened'; readonly pid: number }
  | { readonly is: 'round'; readonly round: Round }
  | { readonly is: 'closed' }
  | { readonly is: 'failed'; readonly reason: string }
  /** Asks for another client's writes. */
  | { readonly is: 'write'; readonly count: number; readonly stamp: string }
