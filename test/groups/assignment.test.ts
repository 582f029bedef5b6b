import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assign } from '../../src/groups/assignment.ts'

const name: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const members = fc.uniqueArray(name, { minLength: 1, maxLength: 7 })
const partitions = fc.uniqueArray(fc.nat(30).map(String), { maxLength: 24 })
/** Also of what is no member any more, and of what is no partition any more. */
const owners = fc.array(fc.tuple(fc.nat(30).map(String), name)).map(pairs => new Map(pairs))

const countsOf = (members: readonly string[], assigned: ReadonlyMap<string, string>): number[] =>
  members.map(member => [...assigned.values()].filter(owner => owner === member).length)

const moved = (from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): string[] =>
  [...from].flatMap(([partition, owner]) => (to.get(partition) === owner ? [] : [partition]))

describe('the assignment of partitions', () => {
  it('gives each partition to exactly one member', () => {
    fc.assert(
      fc.property(members, partitions, owners, (members, partitions, owners) => {
        const assigned = assign(members, partitions, owners)
        expect([...assigned.keys()].sort()).toEqual([...partitions].sort())
        for (const owner of assigned.values()) expect(members).toContain(owner)
      }),
    )
  })

  it('is within one of even', () => {
    fc.assert(
      fc.property(members, partitions, owners, (members, partitions, owners) => {
        const counts = countsOf(members, assign(members, partitions, owners))
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('is the same for all who know the same, in whatever order', () => {
    fc.assert(
      fc.property(members, partitions, owners, (members, partitions, owners) => {
        const reversed = new Map([...owners].reverse())
        const again = assign([...members].reverse(), [...partitions].reverse(), reversed)
        expect(again).toEqual(assign(members, partitions, owners))
      }),
    )
  })

  it('moves no more than it must: the least that makes it even', () => {
    fc.assert(
      fc.property(members, partitions, owners, (members, partitions, owners) => {
        const valid = new Map(
          [...owners].filter(
            ([partition, owner]) => partitions.includes(partition) && members.includes(owner),
          ),
        )
        const counts = countsOf(members, valid).sort((a, b) => b - a)
        const share = Math.floor(partitions.length / members.length)
        const larger = partitions.length % members.length
        // Those that own most get the larger shares: what each has beyond its share must go, whoever assigns.
        const least = counts.reduce(
          (sum, count, i) => sum + Math.max(0, count - share - (i < larger ? 1 : 0)),
          0,
        )
        expect(moved(valid, assign(members, partitions, owners))).toHaveLength(least)
      }),
    )
  })

  it('stays as it is while it is carried out, one move after the other, in any order', () => {
    const order = fc.infiniteStream(fc.nat())
    fc.assert(
      fc.property(members, partitions, owners, order, (members, partitions, owners, choices) => {
        const now = new Map(
          [...owners].filter(
            ([partition, owner]) => partitions.includes(partition) && members.includes(owner),
          ),
        )
        const released = new Set<string>()
        for (;;) {
          const target = assign(members, partitions, now)
          const pending = partitions.filter(partition => now.get(partition) !== target.get(partition))
          if (pending.length === 0) break
          const partition = pending[choices.next().value! % pending.length]!
          if (now.has(partition)) {
            // Only what was taken over at the beginning is ever let go, once.
            expect(owners.get(partition)).toBe(now.get(partition))
            expect(released).not.toContain(partition)
            released.add(partition)
            now.delete(partition)
          } else now.set(partition, target.get(partition)!)
        }
        expect(assign(members, partitions, now)).toEqual(now)
      }),
    )
  })
})
