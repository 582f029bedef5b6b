import { KVError } from './errors.ts'

/** `value`, if it is a whole number from `least` to `most`; else throws `INVALID_ARGUMENT`, which names all three. */
export function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new KVError(
    'INVALID_ARGUMENT',
    `\`${name}\` must be a whole number from ${least} to ${most}, got ${String(value)}`,
  )
}
