import type { Operation } from './observed.ts'
import type { Plan, Step } from './plan.ts'
import { carryOut } from './running.ts'
import type { Shrunk } from './shrink.ts'

const brief = (value: unknown, most = 160): string => {
  const text =
    value === undefined
      ? 'undefined'
      : JSON.stringify(value, (_, each) => (each instanceof Map ? Object.fromEntries(each) : each))
  return text.length > most ? `${text.slice(0, most)}…` : text
}

function showStep({ id, at, do: what, ...rest }: Step): string {
  return `${at.toFixed(1).padStart(9)}  ${id}: ${what} ${brief(rest, 400)}`
}

function showOperation({ id, call, timeout, outcome, values }: Operation): string {
  const end = outcome?.error === undefined ? values.map(value => brief(value)).join(', ') : outcome.error.code
  return `${outcome!.at.toFixed(1).padStart(9)}  ${id} (${call.type}, ${timeout} ms) -> ${end}`
}

/** A history that broke a promise, as a person reads it: what was opened, done and answered, in order. */
export async function show({ plan, violation }: Shrunk): Promise<string> {
  const run = await carryOut(plan)
  const done = run.operations.filter(({ outcome, id }) => outcome !== undefined && !id.startsWith('probe'))
  const lines: (readonly [at: number, line: string])[] = [
    ...plan.steps.map(step => [step.at, showStep(step)] as const),
    ...done.map(operation => [operation.outcome!.at, showOperation(operation)] as const),
  ]
  const stores = plan.stores.flatMap(({ openAt, ...options }, i) =>
    openAt === Number.POSITIVE_INFINITY
      ? []
      : [`store ${i}, opened at ${openAt.toFixed(1)}: ${brief(options, 400)}`],
  )
  return [
    `${plan.servers} servers, tickTime ${plan.tick}, jute.maxbuffer ${plan.maxPacketBytes}`,
    ...stores,
    ...lines
      .filter(([at]) => at <= violation.at)
      .sort(([a], [b]) => a - b)
      .map(([, line]) => line),
    `${violation.at.toFixed(1).padStart(9)}  ${violation.invariant}: ${violation.problem}`,
  ].join('\n')
}

/** The steps and stores that are left of a plan, for the command line. */
export const remains = ({ steps }: Plan): string => steps.map(({ id }) => id).join(',')
