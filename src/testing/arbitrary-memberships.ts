import type FastCheck from 'fast-check'

/** An event in the life of a member of a group. */
export type MemberEvent =
  | {
      /**
       * It joins, leaves in good order, dies without notice, or its session expires while it runs. Impossible events (a
       * dead member leaves) are skipped.
       */
      readonly type: 'join' | 'leave' | 'die' | 'expire'
      /** When, in milliseconds from the beginning. */
      readonly at: number
      /** The number of the member; each can join again after it has left, and as another process after it has died. */
      readonly member: number
    }
  | {
      /**
       * It is frozen for a time, as by SIGSTOP; if that exceeds its session timeout, others take over what it owned.
       */
      readonly type: 'freeze'
      readonly at: number
      readonly member: number
      /** For how long, in milliseconds. */
      readonly lasts: number
    }

/** Options of {@link Arbitraries.memberships}. */
export interface MembershipsOptions {
  /**
   * The most members.
   * @defaultValue 4
   */
  readonly members?: number | undefined
  /**
   * The types of events.
   * @defaultValue all
   */
  readonly types?: readonly MemberEvent['type'][] | undefined
  /**
   * The latest event, in milliseconds.
   * @defaultValue 10000
   */
  readonly within?: number | undefined
  /**
   * The longest freeze of a member, in milliseconds.
   * @defaultValue 5000
   */
  readonly longest?: number | undefined
  /**
   * The most events.
   * @defaultValue 12
   */
  readonly maxLength?: number | undefined
}

const TYPES: readonly MemberEvent['type'][] = ['join', 'leave', 'expire', 'freeze', 'die']

/** An arbitrary of the events of a group's members, in order; the first member joins at the beginning. */
export function membershipSchedules(
  fc: typeof FastCheck,
  { members = 4, types = TYPES, within = 10_000, longest = 5000, maxLength = 12 }: MembershipsOptions = {},
): FastCheck.Arbitrary<MemberEvent[]> {
  const some = TYPES.filter(type => types.includes(type))
  // Shrinks to the mildest type.
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
