import { oneOf, wholeNumber } from '../base/arguments.ts'

/** A fault with a duration: from `at` to `at + lasts`, in milliseconds since the store was opened. */
interface Lasting {
  readonly at: number
  readonly lasts: number
}

/** A fault in which the connection is cut. */
export interface Outage extends Lasting {
  /**
   * The connection is cut and comes back (`suspended`), or the session expires meanwhile, too (`lost`), so that the
   * outcome of an unanswered conditional write cannot be found out: `INDETERMINATE`.
   */
  readonly type: 'suspended' | 'lost'
  /** Whether the writes that were in flight when it began are carried out. */
  readonly unanswered: 'done' | 'dropped'
}

/** A fault in which everything takes longer. */
export interface Slowness extends Lasting {
  readonly type: 'slow'
  /** The added latency of each answer, in milliseconds. */
  readonly by: number
}

/** Another client writes a key. */
export interface OtherWrite {
  readonly type: 'write'
  /** When, in milliseconds since the store was opened. */
  readonly at: number
  readonly key: string
}

/** A fault of a store, as plain data; several make a schedule, and may overlap. */
export type StoreFault = Outage | Slowness | OtherWrite

/** The types of {@link StoreFault}, the mildest first. */
export const FAULT_TYPES: readonly StoreFault['type'][] = ['slow', 'write', 'suspended', 'lost']

/** The longest delay of a Node timer, in milliseconds. */
const LONGEST = 0x7fff_ffff

/** Throws `INVALID_ARGUMENT` for the first invalid fault. */
export function checkFaults(faults: readonly StoreFault[]): void {
  faults.forEach((fault, index) => {
    const name = `faults[${index}]`
    oneOf(`${name}.type`, fault.type, FAULT_TYPES)
    wholeNumber(`${name}.at`, fault.at, 0, LONGEST)
    if (fault.type === 'write') return
    wholeNumber(`${name}.lasts`, fault.lasts, 1, LONGEST)
    if (fault.type === 'slow') wholeNumber(`${name}.by`, fault.by, 0, LONGEST)
    else oneOf(`${name}.unanswered`, fault.unanswered, ['done', 'dropped'])
  })
}

/** The faults at one moment of a schedule. */
export interface Moment {
  /** The current outages; none while connected. */
  readonly outages: readonly Outage[]
  /** The added latency, in milliseconds. */
  readonly slower: number
}

/** The faults `at` a moment. */
export function momentOf(faults: readonly StoreFault[], at: number): Moment {
  const outages: Outage[] = []
  let slower = 0
  for (const fault of faults) {
    if (fault.type === 'write' || at < fault.at || at >= fault.at + fault.lasts) continue
    if (fault.type === 'slow') slower += fault.by
    else outages.push(fault)
  }
  return { outages, slower }
}

/** The moments at which a fault begins or ends, in order. */
export function turnsOf(faults: readonly StoreFault[]): number[] {
  const turns = faults.flatMap(fault => (fault.type === 'write' ? [] : [fault.at, fault.at + fault.lasts]))
  return [...new Set(turns)].sort((a, b) => a - b)
}
