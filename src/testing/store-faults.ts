import { oneOf, wholeNumber } from '../base/arguments.ts'

/** A fault that lasts: from `at` up to `at + lasts`, in milliseconds since the store was opened. */
interface Lasting {
  readonly at: number
  readonly lasts: number
}

/** A fault in which the connection is cut. */
export interface Outage extends Lasting {
  /**
   * The connection is cut and comes back (`suspended`), or the session expires meanwhile too (`lost`), so that of a
   * conditional write that was not answered nobody can tell whether it was carried out: `INDETERMINATE`.
   */
  readonly type: 'suspended' | 'lost'
  /** Whether the writes that were on their way when it began are carried out or not. */
  readonly unanswered: 'done' | 'dropped'
}

/** A fault in which everything takes longer. */
export interface Slowness extends Lasting {
  readonly type: 'slow'
  /** By how many milliseconds each answer comes later. */
  readonly by: number
}

/** Another client writes a key. */
export interface OtherWrite {
  readonly type: 'write'
  /** When, in milliseconds since the store was opened. */
  readonly at: number
  readonly key: string
}

/** What goes wrong for a store, as plain data; several make a schedule, and may overlap. */
export type StoreFault = Outage | Slowness | OtherWrite

/** The types of {@link StoreFault}, the mildest first. */
export const FAULT_TYPES: readonly StoreFault['type'][] = ['slow', 'write', 'suspended', 'lost']

/** The longest delay of a timer of Node, in milliseconds. */
const LONGEST = 0x7fff_ffff

/** Throws `INVALID_ARGUMENT` for the first fault that is none. */
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

/** What holds at one moment of a schedule. */
export interface Moment {
  /** The outages that hold, none while connected. */
  readonly outages: readonly Outage[]
  /** By how many milliseconds answers come later. */
  readonly slower: number
}

/** What holds `at` a moment. */
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

/** The moments at which something begins or ends, in order. */
export function turnsOf(faults: readonly StoreFault[]): number[] {
  const turns = faults.flatMap(fault => (fault.type === 'write' ? [] : [fault.at, fault.at + fault.lasts]))
  return [...new Set(turns)].sort((a, b) => a - b)
}
