/** The kinds of work that are measured. */
export const WORKS = ['read', 'write', 'process loop'] as const
export type Work = (typeof WORKS)[number]

/** A client that does the work. */
export interface Contender {
  readonly name: string
  /** Connects. */
  open(): Promise<void>
  /** Does `work` on the keys until `stop`; resolves with the number of operations. */
  measure(work: Work, keys: readonly string[], stop: Stop): Promise<number>
  close(): Promise<void>
}

/** When a measurement ends. */
export interface Stop {
  readonly now: boolean
}

/** The value to write. */
export const VALUE: Buffer = Buffer.alloc(100, 'x')

/** How many keys the process loop works on: few, so that records of one key meet. */
export const LOOP_KEYS = 2_000

/** Cycles through the keys until `stop`. */
export function* keysUntil(keys: readonly string[], stop: Stop): Generator<string> {
  for (let i = 0; !stop.now; i++) yield keys[i % keys.length]!
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1]!
