import { randomFrom } from './statistics.ts'
import { keyAt } from './work.ts'

/** What the process loop is fed with. */
export interface Item {
  readonly key: string
  readonly amount: number
}

/** The state of a key in the process loop: about 100 bytes as JSON. */
export interface Sum {
  readonly count: number
  readonly total: number
  readonly note: string
}

const NOTE = 'n'.repeat(60)

/** What the loop computes, the same for all contenders. */
export const add = (item: Item, sum: Sum | undefined): Sum => ({
  count: (sum?.count ?? 0) + 1,
  total: (sum?.total ?? 0) + item.amount,
  note: NOTE,
})

/** As stored for a key before its first record. */
export const initialSum = (): Buffer => Buffer.from(JSON.stringify({ count: 0, total: 0, note: NOTE }))

export const encode = (sum: Sum): Buffer => Buffer.from(JSON.stringify(sum))
export const decode = (bytes: Buffer): Sum => JSON.parse(bytes.toString()) as Sum

/** Records whose keys are drawn at random. */
export function randomItems(count: number, keys: number): Item[] {
  const random = randomFrom(42)
  return Array.from({ length: count }, () => ({
    key: keyAt(Math.floor(random() * keys)),
    amount: Math.floor(random() * 100),
  }))
}

/** Records whose keys come round in order, so that none comes twice among `keys` records. */
export const roundRobinItems = (count: number, keys: number): Item[] =>
  Array.from({ length: count }, (_, i) => ({ key: keyAt(i % keys), amount: i % 100 }))
