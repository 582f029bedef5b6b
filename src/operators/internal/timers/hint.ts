import { attempt } from '../../../base/errors.ts'
import type { Stored } from '../../../contract/engine.ts'
import type { Segment } from './segment.ts'

/** That there may be something to do for a key at a time: what, its header says. */
export class Hint {
  readonly key: string
  readonly at: number
  /** Where it is kept; `undefined` until a commit has written it. */
  segment: Segment | undefined

  constructor(key: string, at: number, segment?: Segment) {
    this.key = key
    this.at = at
    this.segment = segment
  }
}

/** Hints in the order of their times, as a segment holds them. */
export function encodeHints(hints: readonly Hint[]): Uint8Array {
  const flat: (number | string)[] = []
  for (const { at, key } of hints) flat.push(at, key)
  return Buffer.from(JSON.stringify(flat))
}

/** The times and keys that a segment holds. */
export function decodeHints(
  node: string,
  { value }: Pick<Stored, 'value'>,
): readonly (readonly [at: number, key: string])[] {
  return attempt('CODEC', 'a segment of the index of what is due cannot be read', node, () => {
    const flat: (number | string)[] = JSON.parse(Buffer.from(value).toString())
    return Array.from(
      { length: flat.length / 2 },
      (_, i) => [Number(flat[2 * i]), String(flat[2 * i + 1])] as const,
    )
  })
}
