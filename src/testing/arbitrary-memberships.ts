import type FastCheck from 'fast-check'

/** Something that happens to a member of a group. */
export type MemberEvent =
  | {
      /**
       * It joins, leaves in good order, dies without a word, or its session expires while it runs. What cannot happen (a
       * dead one that leaves) does not.
       */
      readonly type: 'join' | 'leave' | 'die' | 'expire'
      /** When, in milliseconds since the beginning. */
      readonly at: number
      /** Which member, by number; each joins again after it has left, and as another process after it has died. */
      readonly member: number
    }
  | {
      /** It stands still for a time, as by SIGSTOP; beyond its session, others take over what it owned. */
      readonly type: 'freeze'
      readonly at: number
      readonly member: number
      /** For how long, in milliseconds. */
      readonly lasts: number
    }

/** Options of {@link Arbitraries.memberships}. */
export interface MembershipsOptions {
  /**
   * How many members at most.
   * @defaultValue 4
   */
  readonly members?: number | undefined
  /**
   * What happens.
   * @defaultValue all
   */
  readonly types?: readonly MemberEvent['type'][] | undefined
  /**
   * When the last happens, in milliseconds, at the latest.
   * @defaultValue 10000
   */
  readonly within?: number | undefined
  /**
   * How long a member stands still at most, in milliseconds.
   * @defaultValue 5000
   */
  readonly longest?: number | undefined
  /**
   * How many events at most.
   * @defaultValue 12
   */
  readonly maxLength?: number | undefined
}

const TYPES: readonly MemberEvent['type'][] = ['join', 'leave', 'expire', 'freeze', 'die']

/** An arbitrary of what happens to the members of a group, in order; the first joins at the beginning. */
export function membershipSchedules(
  fc: typeof FastCheck,
  { members = 4, types = TYPES, within = 10_000, longest = 5000, maxLength = 12 }: MembershipsOptions = {},
): FastCheck.Arbitrary<MemberEvent[]> {
  const some = TYPES.filter(type => types.includes(type))
  // Shrinks to the mildest.
  const type = fc.nat(some.length - 1).map(index => some[index]!)
  const parts = fc.record({
    type,
    at: fc.nat(within),
    member: fc.nat(members - 1),
    lasts: fc.integer({ min: 1, max: longest }),
  })
  const event = parts.map(
    ({ type, at, member, lasts }): MemberEvent =>
      type === 'freeze' ? { type, at, member, lasts } : { type, at, member },
  )
  const first: MemberEvent = { type: 'join', at: 0, member: 0 }
  return fc
    .array(event, { maxLength })
    .map(events => [first, ...events.toSorted((one, other) => one.at - other.at)])
}
