import type { Absence, Outcome, Standing } from '../runner/compare.ts'
import { isOurs, lessIsBetter, targetOf } from '../runner/question.ts'

/** One of ours against one of the others. */
export interface Result {
  readonly bench: string
  readonly unit: string
  readonly rxkeeper: number
  readonly peer: string
  readonly peerValue: number
  /** Ours divided by the peer's: the middle, and the lowest and highest round. */
  readonly ratio: number
  readonly ratioLow: number
  readonly ratioHigh: number
  /** Where on a growth curve. */
  readonly at?: number
  readonly target?: number
  readonly met?: boolean
  readonly rounds: number
  /** Microseconds of CPU an operation. */
  readonly clientCpu: number
  readonly peerClientCpu: number
  readonly serverCpu: number
  readonly peerServerCpu: number
}

const round = (value: number): number => Number(value.toPrecision(4))

function resultOf(outcome: Outcome, ours: Standing, peer: Standing): Result {
  const { comparison, point } = outcome
  const ratios = ours.values.map((value, i) => value / peer.values[i]!)
  const ratio = ours.value / peer.value
  const target = targetOf(comparison, ours.name, peer.name)
  const variant = ours.name.split('/')[1]
  const severalOfOurs = outcome.standings.filter(({ name }) => isOurs(name)).length > 1
  return {
    bench: severalOfOurs && variant !== undefined ? `${comparison.name}/${variant}` : comparison.name,
    unit: comparison.unit,
    rxkeeper: round(ours.value),
    peer: peer.name,
    peerValue: round(peer.value),
    ratio: round(ratio),
    ratioLow: round(Math.min(...ratios)),
    ratioHigh: round(Math.max(...ratios)),
    ...(point === undefined ? {} : { at: point }),
    ...(target === undefined
      ? {}
      : { target, met: lessIsBetter(comparison) ? ratio <= target : ratio >= target }),
    rounds: outcome.rounds,
    clientCpu: round(ours.clientCpu),
    peerClientCpu: round(peer.clientCpu),
    serverCpu: round(ours.serverCpu),
    peerServerCpu: round(peer.serverCpu),
  }
}

/** Each of ours against each of the others. */
export const resultsOf = (outcome: Outcome): Result[] =>
  outcome.standings
    .filter(({ name }) => isOurs(name))
    .flatMap(ours =>
      outcome.standings.filter(({ name }) => !isOurs(name)).map(peer => resultOf(outcome, ours, peer)),
    )

/** Who took no part because it is not installed: in a sentence, once each. */
export function leftOut(outcomes: readonly Outcome[]): string[] {
  const absent = new Map<string, Absence>()
  for (const absence of outcomes.flatMap(({ absences }) => absences)) {
    if (absence.optional) absent.set(absence.name, absence)
  }
  return [...absent.values()].map(
    ({ name, reason }) => `${name}: left out, not installed here; to include it: ${reason}`,
  )
}

/** What failed, in a sentence each. */
export const failures = ({ absences }: Outcome): string[] =>
  absences.filter(({ optional }) => !optional).map(({ name, reason }) => `${name} FAILED: ${reason}`)
