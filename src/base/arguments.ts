import { KVError } from './errors.ts'

/** `value`, if it is a whole number from `least` to `most`; else throws `INVALID_ARGUMENT`, which names all three. */
export function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new KVError(
    'INVALID_ARGUMENT',
    `\`${name}\` must be a whole number from ${least} to ${most}, got ${String(value)}`,
  )
}

/** `value`, if it is one of `choices`; else throws `INVALID_ARGUMENT`, which names them. */
export function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  const known = choices.map(choice => `'${choice}'`).join(' or ')
  throw new KVError('INVALID_ARGUMENT', `\`${name}\` must be ${known}, got ${String(value)}`)
}
