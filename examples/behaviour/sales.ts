import type { Click, PriceChange } from './shop.ts'

/** A click, and what the product cost when it was made, in cents; on the home page there is nothing to buy. */
export interface PricedClick extends Click {
  readonly price?: number
}

/** A click with the price of its time, of all that the product ever had. */
export function priced(click: Click, prices: readonly PriceChange[] = []): PricedClick {
  const last = prices.findLast(({ from }) => from <= click.at)
  return last === undefined ? click : { ...click, price: last.price }
}

/** What was sold of a product. */
export interface Sales {
  readonly orders: number
  /** In cents, as the following. */
  readonly revenue: number
  readonly least: number
  readonly most: number
}

const none: Sales = { orders: 0, revenue: 0, least: Number.MAX_SAFE_INTEGER, most: 0 }

export const addOrder = (
  { price = 0 }: PricedClick,
  { orders, revenue, least, most }: Sales = none,
): Sales => ({
  orders: orders + 1,
  revenue: revenue + price,
  least: Math.min(least, price),
  most: Math.max(most, price),
})
