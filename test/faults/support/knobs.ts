/**
 * How much is done: a small version of each run in `npm test`, the figures of the README's guarantees in
 * `npm run test:soak`.
 */
export const soaking: boolean = process.env.RXKEEPER_SOAK !== undefined

/** How often something is done. */
export const times = (few: number, many: number): number => (soaking ? many : few)

/** How long faults go on, in milliseconds. */
export const spell = (short: number, long = 30_000): number => (soaking ? long : short)

/** The time limit of a test, in milliseconds: only to end what hangs. */
export const patience = 600_000
