import type { Operation, State } from './history.ts'

/** What a key held, one after the other: a value of its own each time, or `undefined` while absent. */
export type Values = readonly (string | undefined)[]

/**
 * Whether `observed` goes through `committed` without a step back; what was there may be left out. Gives `undefined`,
 * or what is wrong.
 */
export function findStepBack(observed: Values, committed: Values): string | undefined {
  let at = 0
  for (const [i, value] of observed.entries()) {
    const found = committed.indexOf(value, at)
    if (found < 0) {
      const seen = observed.slice(Math.max(0, i - 5), i + 1).join(', ')
      const where = committed.lastIndexOf(value)
      return where < 0
        ? `${value} was seen and never written`
        : `${value} (commit ${where}) was seen after commit ${at} (${committed[at]}): … ${seen}`
    }
    at = found
  }
  return undefined
}

/**
 * The values of a key that was created once and never deleted, by version, from all that was answered. Throws where two
 * values claim one version, or one value two.
 */
export function byVersion(history: readonly Operation[], seen: Iterable<State> = []): string[] {
  const values: string[] = []
  const versions = new Map<string, number>()
  const learn = (value: string, version: number): void => {
    if (values[version] !== undefined && values[version] !== value) {
      throw new Error(`version ${version} is both ${values[version]} and ${value}`)
    }
    if (versions.has(value) && versions.get(value) !== version) {
      throw new Error(`${value} is both version ${versions.get(value)} and ${version}`)
    }
    values[version] = value
    versions.set(value, version)
  }
  for (const { action } of history) {
    if (action.type === 'read' && action.found !== undefined) learn(action.found.value, action.found.version)
    else if ((action.type === 'put' || action.type === 'update') && action.value !== undefined) {
      if (action.version !== undefined) learn(action.value, action.version)
    }
  }
  for (const state of seen) if (state !== undefined) learn(state.value, state.version)
  return values
}

/**
 * Whether each client's view of a key that is never deleted only went forward, its own writes included: whatever it
 * asked for after an answer shows that answer's version or a later one. Gives `undefined`, or what is wrong.
 */
export function findStaleView(history: readonly Operation[]): string | undefined {
  for (const client of new Set(history.map(operation => operation.client))) {
    const answered = history
      .filter(operation => operation.client === client && operation.ended < Number.POSITIVE_INFINITY)
      .map(operation => ({ operation, version: versionOf(operation) }))
      .filter(({ version }) => version !== undefined) as { operation: Operation; version: number }[]
    const ends = [...answered].sort((a, b) => a.operation.ended - b.operation.ended)
    const begins = [...answered].sort((a, b) => a.operation.begun - b.operation.begun)
    let newest: { operation: Operation; version: number } | undefined
    let next = 0
    for (const each of begins) {
      for (; next < ends.length && ends[next]!.operation.ended < each.operation.begun; next++) {
        if (newest === undefined || ends[next]!.version > newest.version) newest = ends[next]!
      }
      if (newest !== undefined && each.version < newest.version) {
        return `${client} went back:\n  ${JSON.stringify(newest.operation)}\n  ${JSON.stringify(each.operation)}`
      }
    }
  }
  return undefined
}

function versionOf({ action }: Operation): number | undefined {
  if (action.type === 'read') return action.found === undefined ? -1 : action.found.version
  if (action.type === 'put' || action.type === 'update') return action.version
  return undefined
}

/**
 * Whether `final` is what remains of a counter: each acknowledged increment counted once, each of unknown outcome at
 * most once. Gives `undefined`, or what is wrong.
 */
export function findMiscount(final: number, acknowledged: number, unknown: number): string | undefined {
  if (final < acknowledged) {
    return `${acknowledged - final} acknowledged increments are lost: ${final} of ${acknowledged}`
  }
  if (final > acknowledged + unknown) {
    return `${final - acknowledged - unknown} increments too many: ${final}, of ${acknowledged} acknowledged and ${unknown} unknown`
  }
  return undefined
}
