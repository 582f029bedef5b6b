import type { Arena } from './arena.ts'
import { commandOf, labelOf, missing } from './contenders.ts'
import { Contestant } from './contestant.ts'
import type { Round } from './messages.ts'
import type { Comparison, Contender } from './question.ts'
import { median } from './statistics.ts'

/** How long a comparison takes. */
export interface Pace {
  readonly rounds: number
  /** The least time of a round and of the warm-up, in milliseconds. */
  readonly roundTime: number
  readonly warmUpTime: number
}

/** What a contender reached. */
export interface Standing {
  readonly name: string
  readonly label: string
  /** In the comparison's unit, a value a round. */
  readonly values: readonly number[]
  readonly value: number
  /** Microseconds of CPU an operation, of the client and of the server. */
  readonly clientCpu: number
  readonly serverCpu: number
  readonly heap: number | undefined
  readonly peakMemory: number | undefined
}

/** A contender that took no part, and why. */
export interface Absence {
  readonly name: string
  readonly label: string
  readonly reason: string
  /** Not installed, as opposed to failed. */
  readonly optional: boolean
}

/** A comparison's outcome, at one point where it is a growth curve. */
export interface Outcome {
  readonly comparison: Comparison
  readonly point: number | undefined
  readonly standings: readonly Standing[]
  readonly absences: readonly Absence[]
  readonly rounds: number
}

/** The disk is faster at one moment than at the next, so latencies are compared in more and shorter rounds. */
const LATENCY_PARTS = 5

/** A contender whose process is started. */
interface Entrant {
  readonly contender: Contender
  readonly contestant: Contestant
  readonly leave: () => Promise<void>
  readonly rounds: Round[]
}

function measured({ measure = 'rate' }: Comparison, round: Round): number {
  switch (measure) {
    case 'rate':
      return round.operations / round.seconds
    case 'latency':
      return round.latency!
    case 'cpu':
      return (round.clientCpu / round.operations) * 1e6
    case 'heap':
      return round.heap!
  }
}

function standingOf(comparison: Comparison, { contender, rounds }: Entrant): Standing {
  const values = rounds.map(round => measured(comparison, round))
  const last = rounds.at(-1)!
  return {
    name: contender.name,
    label: labelOf(contender.name),
    values,
    value: median(values),
    clientCpu: median(rounds.map(round => (round.clientCpu / round.operations) * 1e6)),
    serverCpu: median(rounds.map(round => (round.serverCpu / round.operations) * 1e6)),
    heap: last.heap,
    peakMemory: last.peakMemory,
  }
}

/** Lets the contenders work in turn, round after round. */
export async function compare(
  comparison: Comparison,
  point: number | undefined,
  pace: Pace,
  arena: Arena,
  worker: string,
  only?: (name: string) => boolean,
): Promise<Outcome> {
  const absences: Absence[] = []
  const drop = (contender: Contender, error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error)
    absences.push({ name: contender.name, label: labelOf(contender.name), reason, optional: false })
  }
  const starting: { readonly contender: Contender; readonly contestant: Contestant }[] = []
  for (const contender of comparison.contenders) {
    if (only !== undefined && !only(contender.name)) continue
    if (point !== undefined && contender.upTo !== undefined && point > contender.upTo) continue
    const install = missing(contender)
    if (install === undefined)
      starting.push({ contender, contestant: new Contestant(commandOf(contender, worker)) })
    else
      absences.push({ name: contender.name, label: labelOf(contender.name), reason: install, optional: true })
  }
  // Made while the processes start.
  const places: Awaited<ReturnType<Arena['enter']>>[] = []
  for (const { contender } of starting)
    places.push(await arena.enter(comparison, contender.server ?? comparison.server, point ?? 0))
  const entrants: Entrant[] = []
  await Promise.all(
    starting.map(async ({ contender, contestant }, i) => {
      const { place, outside, leave } = places[i]!
      const { run } = contender
      try {
        const work = typeof run === 'function' ? comparison.name : run.work
        await contestant.open(work, contender.name, place, outside)
        entrants.push({ contender, contestant, leave, rounds: [] })
      } catch (error) {
        drop(contender, error)
        await contestant.close()
        await leave()
      }
    }),
  )
  // As they are listed, not as they were ready.
  entrants.sort(
    (a, b) => comparison.contenders.indexOf(a.contender) - comparison.contenders.indexOf(b.contender),
  )
  const parts = comparison.measure === 'latency' ? LATENCY_PARTS : 1
  const rounds = parts * Math.min(pace.rounds, comparison.rounds ?? pace.rounds)
  // Without a server, how well the client is compiled is all that counts.
  const warmUpTime = comparison.server === 'none' ? 3 * pace.warmUpTime : pace.warmUpTime
  // Round 0 is the warm-up. Who begins changes, so that nobody always comes after the same one.
  for (let round = 0; round <= rounds; round++) {
    const order = entrants.map((_, i) => entrants[(i + round) % entrants.length]!)
    for (const entrant of order) {
      try {
        const result = await entrant.contestant.round(round === 0 ? warmUpTime : pace.roundTime / parts)
        if (round > 0) entrant.rounds.push(result)
      } catch (error) {
        drop(entrant.contender, error)
        entrants.splice(entrants.indexOf(entrant), 1)
        await leave(entrant)
      }
    }
  }
  await Promise.all(entrants.map(({ contestant }) => contestant.close()))
  for (const entrant of entrants) await entrant.leave()
  return {
    comparison,
    point,
    standings: entrants.map(entrant => standingOf(comparison, entrant)),
    absences,
    rounds,
  }
}

async function leave(entrant: Entrant): Promise<void> {
  await entrant.contestant.close()
  await entrant.leave()
}
