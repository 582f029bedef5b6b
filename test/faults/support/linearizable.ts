import type { Action, Operation, State } from './history.ts'

export const IMPOSSIBLE: unique symbol = Symbol('impossible')

/** More would make too many ways; what is repeated more often is rarely seen each time. */
const MOST_REPEATS = 5

/** What `action` makes of `state`, or that it cannot have been answered as it was in that state. */
export function applied(action: Action, state: State): State | typeof IMPOSSIBLE {
  switch (action.type) {
    case 'read':
      return action.found?.value === state?.value && action.found?.version === state?.version
        ? state
        : IMPOSSIBLE
    case 'conflict':
      return holds(action.ifVersion, state) ? IMPOSSIBLE : state
    case 'put':
      return holds(action.ifVersion, state) ? written(action.value, action.version, state) : IMPOSSIBLE
    case 'delete':
      if (action.existed !== undefined && action.existed !== (state !== undefined)) return IMPOSSIBLE
      return holds(action.ifVersion, state) ? undefined : IMPOSSIBLE
    case 'update':
      if (action.from !== state?.value) return IMPOSSIBLE
      return action.value === undefined ? undefined : written(action.value, action.version, state)
  }
}

function holds(expected: number | 'absent' | undefined, state: State): boolean {
  if (expected === undefined) return true
  return expected === 'absent' ? state === undefined : state?.version === expected
}

function written(value: string, version: number | undefined, state: State): State | typeof IMPOSSIBLE {
  const next = state === undefined ? 0 : state.version + 1
  return version === undefined || version === next ? { value, version: next } : IMPOSSIBLE
}

/** A state that the key can be in, and which of the operations under way took effect already. */
interface Possibility {
  readonly state: State
  readonly done: ReadonlySet<Operation>
}

/**
 * What has begun and not ended; with a repeat of a write, the one that is to take effect before it, because they are all
 * the same: without that order, four writes that were repeated five times each would make a million ways.
 */
type UnderWay = ReadonlyMap<Operation, Operation | undefined>

/**
 * Whether each operation can have taken effect at one moment between its beginning and its end. Gives `undefined`, or
 * the first operation that can not be explained, with what the key can have held then.
 *
 * It goes through the beginnings and ends in order and keeps every possible state. A write takes effect as late as it
 * can: when it ends, after whatever others under way must have gone before. What changes nothing takes effect as soon
 * as it can. Since each write names the version it wrote and its value is its own, there is rarely more than one way,
 * and the work is linear in the history.
 */
export function findViolation(history: readonly Operation[], initial: State = undefined): string | undefined {
  const events: { readonly at: number; readonly operation: Operation; readonly isEnd: boolean }[] = []
  const earlier = new Map<Operation, Operation[]>()
  for (const operation of history) {
    events.push({ at: operation.begun, operation, isEnd: false })
    if (operation.ended < Number.POSITIVE_INFINITY)
      events.push({ at: operation.ended, operation, isEnd: true })
    const times = Math.min(operation.repeated ?? 0, MOST_REPEATS)
    earlier.set(
      operation,
      Array.from({ length: times }, () => unanswered(operation)),
    )
  }
  events.sort((a, b) => a.at - b.at)
  const underWay = new Map<Operation, Operation | undefined>()
  let possible: Possibility[] = [{ state: initial, done: new Set() }]
  for (const { operation, isEnd } of events) {
    const repeats = earlier.get(operation)!
    const attempts = [operation, ...repeats]
    if (!isEnd) {
      underWay.set(operation, undefined)
      for (const [i, each] of repeats.entries()) underWay.set(each, repeats[i - 1])
      continue
    }
    const next = new Map<string, Possibility>()
    for (const possibility of possible) {
      for (const { state, done } of endings(operation, possibility, underWay)) {
        const left = new Set(done)
        for (const each of attempts) left.delete(each)
        next.set(idOf(state, left), { state, done: left })
      }
    }
    if (next.size === 0) return explain(operation, possible, underWay)
    for (const each of attempts) underWay.delete(each)
    possible = [...next.values()]
  }
  return undefined
}

/** A repeated write as it took effect earlier; its answer, if any, is that of the last time. */
function unanswered(operation: Operation): Operation {
  const action = { ...operation.action }
  if (action.type === 'put') return { ...operation, action: { ...action, version: undefined } }
  if (action.type === 'delete') return { ...operation, action: { ...action, existed: undefined } }
  return operation
}

/** What can be after `operation` has ended: it took effect, as the last of those that did so far or earlier. */
function endings(operation: Operation, start: Possibility, underWay: UnderWay): readonly Possibility[] {
  const found: Possibility[] = []
  const seen = new Set<string>()
  const search = (state: State, before: ReadonlySet<Operation>): void => {
    const done = withIdle(state, before, underWay)
    const id = idOf(state, done)
    if (seen.has(id)) return
    seen.add(id)
    if (done.has(operation)) {
      found.push({ state, done })
      return
    }
    for (const [each, first] of underWay) {
      if (done.has(each) || (first !== undefined && !done.has(first))) continue
      const after = applied(each.action, state)
      if (after !== IMPOSSIBLE) search(after, new Set([...done, each]))
    }
  }
  search(start.state, start.done)
  return found
}

/** Whether it leaves every state as it is in which it can have been answered as it was. */
function changesNothing(action: Action): boolean {
  if (action.type === 'delete') return action.existed === false
  if (action.type === 'update') return action.from === undefined && action.value === undefined
  return action.type !== 'put'
}

/** `done`, with all that can take effect in this state without a change of it. */
function withIdle(state: State, done: ReadonlySet<Operation>, underWay: UnderWay): ReadonlySet<Operation> {
  let all: Set<Operation> | undefined
  for (const each of underWay.keys()) {
    if (done.has(each) || !changesNothing(each.action) || applied(each.action, state) === IMPOSSIBLE) continue
    all ??= new Set(done)
    all.add(each)
  }
  return all ?? done
}

const numbers = new WeakMap<Operation, number>()
let numbered = 0

function numberOf(operation: Operation): number {
  let number = numbers.get(operation)
  if (number === undefined) {
    number = ++numbered
    numbers.set(operation, number)
  }
  return number
}

const idOf = (state: State, done: ReadonlySet<Operation>): string =>
  `${state?.value} ${state?.version} ${Array.from(done, numberOf).sort((a, b) => a - b)}`

const show = (state: State): string => (state === undefined ? 'absent' : `${state.value} (${state.version})`)

function explain(operation: Operation, possible: readonly Possibility[], underWay: UnderWay): string {
  const states = possible.map(({ state }) => show(state)).join(' or ')
  const others = [...underWay.keys()].filter(other => other !== operation).map(other => JSON.stringify(other))
  return `${JSON.stringify(operation)}\n  cannot be: the key was ${states}; under way:\n  ${others.join('\n  ')}`
}
