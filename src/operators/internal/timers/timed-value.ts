import type { Headed } from '../../../store/encoding.ts'
import type { Header } from '../../../store/header.ts'
import type { Hint } from './hint.ts'

/** A value with its header, and the hint that stands for it. */
export class TimedValue<V> implements Headed<V> {
  readonly value: V
  readonly header: Header | undefined
  /** Where it was made here; a value that was read has its time only, in the header. */
  readonly hint: Hint | undefined

  constructor(value: V, header: Header | undefined, hint: Hint | undefined) {
    this.value = value
    this.header = header
    this.hint = hint
  }
}

/** The hint of a value that no commit has written yet. */
export function newHintOf(headed: Headed<unknown>): Hint | undefined {
  const hint = headed instanceof TimedValue ? headed.hint : undefined
  return hint?.segment === undefined ? hint : undefined
}

/** When there is next something to do for a key. */
export function nextOf({ timers, expires }: Header): number | undefined {
  let next = expires
  for (const at of timers?.values() ?? []) if (next === undefined || at < next) next = at
  return next
}

const isSameTimers = (a: Header['timers'], b: Header['timers']): boolean =>
  a === b || (a?.size === b?.size && [...(a ?? [])].every(([name, at]) => b?.get(name) === at))

/** Whether two headers say the same. */
export const isSameHeader = (a: Header | undefined, b: Header | undefined): boolean =>
  a === b || (a?.expires === b?.expires && a?.hint === b?.hint && isSameTimers(a?.timers, b?.timers))
