import type { Entry } from '../../../src/store/kv-store.ts'
import type { State } from '../truth.ts'
import type { Operation, Run } from './observed.ts'

/** What an operation showed of a key. */
export interface Observation {
  readonly key: string
  /** As JSON; `undefined` where absent. */
  readonly text: string | undefined
  readonly version: number | undefined
}

const textOf = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value)

const ofEntry = (key: string, entry: Entry<unknown> | undefined): Observation => ({
  key,
  text: textOf(entry?.value),
  version: entry?.version,
})

/** What a read that is done showed; of a listing, only what it listed. */
export function shownBy({ call, values }: Operation): Observation[] {
  switch (call.type) {
    case 'get':
      return [{ key: call.key, text: textOf(values[0]), version: undefined }]
    case 'entry':
      return [ofEntry(call.key, values[0] as Entry<unknown> | undefined)]
    case 'getAll': {
      const found = values[0] as Map<string, unknown>
      return call.keys.map(key => ({ key, text: textOf(found.get(key)), version: undefined }))
    }
    case 'entryAll': {
      const found = values[0] as Map<string, Entry<unknown>>
      return call.keys.map(key => ofEntry(key, found.get(key)))
    }
    case 'entries':
      return (values as Entry<unknown>[]).map(entry => ofEntry(entry.key, entry))
    default:
      return []
  }
}

/** Whether a state is what was shown. */
export const isShown = ({ text, version }: Observation, state: State): boolean =>
  state.text === text && (version === undefined || state.node?.version === version)

/** What the value that an operation wrote under a key is: known beforehand, or from what it emitted. */
export function writtenBy({ call, puts, values }: Operation): Map<string, string | undefined> {
  if (call.type !== 'update') return new Map(puts)
  return new Map([[call.key, textOf((values[0] as Entry<unknown> | undefined)?.value)]])
}

/** The states of a key that began while an operation was under way. */
export function during(run: Run, operation: Operation, key: string, now: number): State[] {
  const states = run.truth.ofKey(operation.store.plan.root, key)
  return states.filter(({ at }) => at >= operation.askedAt && at <= now)
}

/** The states of a key that there were while an operation was under way. */
export function current(run: Run, operation: Operation, key: string, now: number): State[] {
  const states = run.truth.ofKey(operation.store.plan.root, key)
  return states.filter(({ at, untilAt }) => at <= now && untilAt >= operation.askedAt)
}

/** The first zxid at which an acknowledged write can have been carried out. */
export function carriedOutAt(run: Run, operation: Operation, now: number): number | undefined {
  const { call, outcome, values } = operation
  if (outcome === undefined || outcome.error !== undefined) return undefined
  for (const [key, text] of writtenBy(operation)) {
    const state = during(run, operation, key, now).find(each => each.text === text)
    if (state !== undefined) return state.zxid
  }
  if (call.type !== 'delete' || values[0] !== true) return undefined
  return during(run, operation, call.key, now).find(({ text }) => text === undefined)?.zxid
}
