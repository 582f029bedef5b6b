import fc from 'fast-check'
import type { FiredTimer, Timers } from '../../../src/index.ts'

/** What a record does to the timers of its key. */
export type Act =
  | { readonly type: 'set'; readonly name: string; readonly in: number }
  | { readonly type: 'clear'; readonly name: string }
  | { readonly type: 'delete' }
  | { readonly type: 'throw' }
  | { readonly type: 'nothing' }

export interface Event {
  readonly key: string
  readonly at: number
  readonly act: Act
  readonly position: number
}

const names = fc.constantFrom('', 'x')
const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('set' as const),
      name: names,
      in: fc.integer({ min: -5, max: 60 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('clear' as const), name: names }) },
  { weight: 1, arbitrary: fc.constant({ type: 'delete' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'throw' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'nothing' as const }) },
)

/** Records whose times go forward, and back now and then. */
export const events: fc.Arbitrary<Event[]> = fc
  .array(
    fc.record({ key: fc.constantFrom('a', 'b', 'c'), act: acts, step: fc.integer({ min: -8, max: 25 }) }),
    {
      maxLength: 30,
    },
  )
  .map(all => {
    let at = 100
    return all.map(({ key, act, step }, i) => {
      at += step
      return { key, act, at, position: i + 1 }
    })
  })

/** What happened to a key, in order. */
export type History = readonly string[]

export function transform(
  { act, at, position }: Event,
  history: History = [],
  timers: Timers,
): History | undefined {
  if (act.type === 'set') timers.set(at + act.in, act.name)
  if (act.type === 'clear') timers.clear(act.name)
  if (act.type === 'throw') throw new Error('bad')
  return act.type === 'delete' ? undefined : [...history, `${position}`]
}

/** Every third timer sets another, and one of ten ends the key. */
export function onTimer({ name, at }: FiredTimer, history: History, timers: Timers): History | undefined {
  if (at % 3 === 0) timers.set(at + 7, name)
  if (at % 10 === 1) return undefined
  return [...history, `${name}@${at}`]
}

/** The plainest way: time goes forward, and what is due is done at once. */
export class Model {
  readonly outputs: string[] = []
  readonly state = new Map<string, { history: History; timers: Map<string, number> }>()
  #now = Number.NEGATIVE_INFINITY

  constructor(all: readonly Event[], lateness: number) {
    for (const event of all) {
      this.#now = Math.max(this.#now, event.at - lateness)
      this.#fire(event.key)
      this.#record(event)
    }
    for (const key of [...this.state.keys()]) this.#fire(key)
  }

  #record(event: Event): void {
    const { key, act, position } = event
    const before = this.state.get(key)
    if (act.type === 'throw') {
      this.outputs.push(`${key} bad ${position}`)
      return
    }
    const timers = new Map(before?.timers)
    const history = transform(event, before?.history, draft(timers, Number.NEGATIVE_INFINITY))
    if (history === undefined) this.state.delete(key)
    else this.state.set(key, { history, timers })
    this.outputs.push(`${key} ${position}: ${history}`)
  }

  #fire(key: string): void {
    for (let entry = this.state.get(key); entry !== undefined; entry = this.state.get(key)) {
      const due = [...entry.timers].filter(([, at]) => at <= this.#now)
      const [first] = due.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
      if (first === undefined) return
      const [name, at] = first
      entry.timers.delete(name)
      const history = onTimer({ key, name, at }, entry.history, draft(entry.timers, at + 1))
      if (history === undefined) this.state.delete(key)
      else this.state.set(key, { history, timers: entry.timers })
      this.outputs.push(`${key} ${name}@${at}: ${history}`)
    }
  }
}

const draft = (timers: Map<string, number>, after: number): Timers => ({
  now: 0,
  set: (at, name = '') => void timers.set(name, Math.max(Number(at), after)),
  clear: (name = '') => void timers.delete(name),
  at: (name = '') => timers.get(name),
})
