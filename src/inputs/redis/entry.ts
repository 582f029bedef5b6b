/** An entry of a Redis stream. */
export class RedisEntry {
  /** The time in milliseconds at which Redis added it, and a number within that: `1526919030474-0`. */
  readonly id: string
  readonly #parts: readonly Buffer[]

  /** @param parts its fields: names and values, alternating */
  constructor(id: string, parts: readonly Buffer[]) {
    this.id = id
    this.#parts = parts
  }

  /** Its fields, as strings. */
  get fields(): Record<string, string> {
    const parts = this.#parts
    const pairs = Array.from({ length: parts.length / 2 }, (_, i) => [
      `${parts[2 * i]}`,
      `${parts[2 * i + 1]}`,
    ])
    return Object.fromEntries(pairs) as Record<string, string>
  }

  /** The bytes of a field; throws where there is no such field. */
  bytes(field: string): Uint8Array {
    for (let i = 0; i < this.#parts.length; i += 2) {
      if (this.#parts[i]!.toString() === field) return this.#parts[i + 1]!
    }
    throw new Error(`the entry has no field ${field}`)
  }

  /** The total length of its fields, in bytes. */
  get size(): number {
    return this.#parts.reduce((size, { length }) => size + length, 0)
  }
}

// Redis never assigns 0-0.
const ID = /^(?!0-0$)(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})$/

/** Whether this is a valid id of an entry. */
export const isId = (id: unknown): id is string => typeof id === 'string' && ID.test(id)

/** 64-bit numbers, without leading zeros. */
const compareNumbers = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)

/** The order of two ids: negative where `a` comes first. */
export function compareIds(a: string, b: string): number {
  const [time, sequence] = a.split('-') as [string, string]
  const [otherTime, otherSequence] = b.split('-') as [string, string]
  return compareNumbers(time, otherTime) || compareNumbers(sequence, otherSequence)
}

/** The milliseconds of an id. */
export const timeOf = (id: string): number => Number(id.slice(0, id.indexOf('-')))
