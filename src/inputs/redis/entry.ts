/** An entry of a Redis stream. */
export class RedisEntry {
  /** When Redis made it, in milliseconds, and a number within that: `1526919030474-0`. */
  readonly id: string
  readonly #parts: readonly Buffer[]

  /** @param parts its fields: names and values in turn */
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

  /** The value of a field, as it is; throws where there is none. */
  bytes(field: string): Uint8Array {
    for (let i = 0; i < this.#parts.length; i += 2) {
      if (this.#parts[i]!.toString() === field) return this.#parts[i + 1]!
    }
    throw new Error(`the entry has no field ${field}`)
  }

  /** How long its fields are together, in bytes. */
  get size(): number {
    return this.#parts.reduce((size, { length }) => size + length, 0)
  }
}

// Redis gives no 0-0.
const ID = /^(?!0-0$)(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})$/

/** Whether this can be the id of an entry. */
export const isId = (id: unknown): id is string => typeof id === 'string' && ID.test(id)

/** Numbers of 64 bits, without zeros in front. */
const compareNumbers = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)

/** Which of two ids comes first: below 0 where it is `a`. */
export function compareIds(a: string, b: string): number {
  const [time, sequence] = a.split('-') as [string, string]
  const [otherTime, otherSequence] = b.split('-') as [string, string]
  return compareNumbers(time, otherTime) || compareNumbers(sequence, otherSequence)
}

/** The milliseconds of an id. */
export const timeOf = (id: string): number => Number(id.slice(0, id.indexOf('-')))
