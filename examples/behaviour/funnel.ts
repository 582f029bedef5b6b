import type { SessionUpdate } from 'rxkeeper'
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
  /** How many clicks came too late for their session. */
  readonly late: number
}

export const emptyFunnel: Funnel = { sessions: 0, reached: none, late: 0 }

const hasReached = (last: Step, { value }: { readonly value: Steps }): boolean =>
  STEPS.slice(0, STEPS.indexOf(last) + 1).every(step => value[step] > 0)

/**
 * The funnel after a click: with the session as it is now, and without those that it takes the place of, so that it is
 * right at any time, also where sessions turn out to be one.
 */
export function countSession(
  [, session]: readonly [Click, SessionUpdate<Steps> | undefined],
  funnel: Funnel = emptyFunnel,
): Funnel {
  if (session === undefined) return { ...funnel, late: funnel.late + 1 }
  const reached = { ...funnel.reached }
  for (const step of STEPS) {
    reached[step] +=
      Number(hasReached(step, session)) - session.replaces.filter(before => hasReached(step, before)).length
  }
  return { ...funnel, sessions: funnel.sessions + 1 - session.replaces.length, reached }
}
