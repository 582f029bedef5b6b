/** What a user does in a session on the way to a purchase. */
export const STEPS = ['visit', 'product', 'cart', 'purchase'] as const
export type Step = (typeof STEPS)[number]

/** A click of a user on the home page or on that of a product. */
export interface Click {
  readonly user: string
  /** When, by the user's clock, in milliseconds. */
  readonly at: number
  readonly step: Step
  /** `home`, or a product. */
  readonly page: string
}

/** A product has a new price from a time on. */
export interface PriceChange {
  readonly product: string
  readonly from: number
  /** In cents. */
  readonly price: number
}

/** What happens in a shop, day by day. */
export interface Shop {
  /** The clicks that arrive on each day, in the order in which they arrive. */
  readonly clicks: readonly (readonly Click[])[]
  /** The prices that change on each day. */
  readonly changes: readonly (readonly PriceChange[])[]
}

export const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const OPENING = Date.UTC(2026, 0, 5)

const PRODUCTS = {
  'bike lamp': 2490,
  'fountain pen': 3900,
  'hiking boots': 14_900,
  'rain jacket': 8990,
  teapot: 3450,
  'wool socks': 1290,
}
const NAMES = ['ann', 'bob', 'cleo', 'dan', 'eve', 'finn', 'gwen', 'hugo', 'iris', 'jon']

/** Numbers from 0 up to 1 that depend on the seed only (a linear congruential generator). */
function chances(seed: number): () => number {
  // Seeds that are near each other begin far from each other.
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Makes up a shop. */
export function makeUpShop({ seed, users, days }: { seed: number; users: number; days: number }): Shop {
  const chance = chances(seed)
  const between = (from: number, to: number): number => Math.floor(from + chance() * (to - from))
  const products = Object.keys(PRODUCTS)

  function session(user: string, start: number): Click[] {
    const clicks: Click[] = [{ user, at: start, step: 'visit', page: 'home' }]
    const click = (step: Step, page: string): void => {
      const pause = chance() < 0.7 ? between(5000, 3 * MINUTE) : between(10 * MINUTE, 28 * MINUTE)
      clicks.push({ user, at: clicks.at(-1)!.at + pause, step, page })
    }
    for (let views = between(-1, 4); views > 0; views--) {
      click('product', products[between(0, products.length)]!)
    }
    const { page } = clicks.at(-1)!
    if (page !== 'home' && chance() < 0.45) {
      click('cart', page)
      if (chance() < 0.6) click('purchase', page)
    }
    return clicks
  }

  /** Most clicks arrive at once; some when a phone is online again, and a few when it is so the next morning. */
  function delay(): number {
    const kind = chance()
    if (kind < 0.9) return between(0, 2000)
    return kind < 0.985 ? between(2 * MINUTE, 45 * MINUTE) : between(3 * HOUR, 20 * HOUR)
  }

  const arrivals: { click: Click; arrival: number }[] = []
  for (let day = 0; day < days; day++) {
    for (let number = 0; number < users; number++) {
      const name = NAMES[number % NAMES.length]!
      const user = number < NAMES.length ? name : `${name}${Math.floor(number / NAMES.length) + 1}`
      for (let sessions = between(0, 3); sessions > 0; sessions--) {
        const clicks = session(user, OPENING + day * DAY + between(7 * HOUR, 23 * HOUR))
        arrivals.push(...clicks.map(click => ({ click, arrival: click.at + delay() })))
      }
    }
  }
  arrivals.sort((a, b) => a.arrival - b.arrival)

  const clicks: Click[][] = Array.from({ length: days }, () => [])
  for (const { click, arrival } of arrivals) {
    clicks[Math.min(days - 1, Math.floor((arrival - OPENING) / DAY))]!.push(click)
  }

  let prices = Object.entries(PRODUCTS).map(([product, price]) => ({ product, from: OPENING, price }))
  const changes: PriceChange[][] = [prices]
  for (let day = 1; day < days; day++) {
    const changed = prices
      .filter(() => chance() < 0.4)
      .map(({ product, price }) => {
        const from = OPENING + day * DAY + between(0, DAY)
        return { product, from, price: Math.round(price * (0.8 + 0.45 * chance())) }
      })
    changes.push(changed)
    prices = prices.map(before => changed.find(({ product }) => product === before.product) ?? before)
  }
  return { clicks, changes }
}
