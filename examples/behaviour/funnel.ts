import type { Session } from 'rxkeeper'
import { type Click, STEPS, type Step } from './shop.ts'

/** How often each step was taken in a session. */
export type Steps = Readonly<Record<Step, number>>

const none: Steps = { visit: 0, product: 0, cart: 0, purchase: 0 }

export const addClick = ({ step }: Click, steps: Steps = none): Steps => ({
  ...steps,
  [step]: steps[step] + 1,
})

export const mergeSteps = (earlier: Steps, later: Steps): Steps => ({
  visit: earlier.visit + later.visit,
  product: earlier.product + later.product,
  cart: earlier.cart + later.cart,
  purchase: earlier.purchase + later.purchase,
})

/** How far the sessions of all users came. */
export interface Funnel {
  readonly sessions: number
  /** How many sessions took a step and all those before it. */
  readonly reached: Readonly<Record<Step, number>>
}

export const emptyFunnel: Funnel = { sessions: 0, reached: none }

const hasReached = (last: Step, { value }: { readonly value: Steps }): boolean =>
  STEPS.slice(0, STEPS.indexOf(last) + 1).every(step => value[step] > 0)

/** The funnel with a session more, which is final: it counts once. */
export function countSession(session: Session<Steps>, { sessions, reached }: Funnel = emptyFunnel): Funnel {
  const counted = { ...reached }
  for (const step of STEPS) counted[step] += Number(hasReached(step, session))
  return { sessions: sessions + 1, reached: counted }
}
