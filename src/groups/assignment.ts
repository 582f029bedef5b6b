import { compareKeys } from '../contract/keys.ts'

/**
 * Decides which member should own which partition. The result is even (no member has two more than another), sticky (a
 * member loses only what exceeds its share), and the same for everybody who knows the same, so that no leader is
 * needed.
 *
 * Where the partitions do not divide evenly, the members that own most keep one more. The order of the names decides
 * which partitions a member loses, and who gets those that nobody owns.
 *
 * @param owners the current owner of each partition; owners that are no members, and partitions that no longer exist,
 * are ignored
 */
export function assign(
  members: Iterable<string>,
  partitions: Iterable<string>,
  owners: ReadonlyMap<string, string>,
): Map<string, string> {
  const assigned = new Map<string, string>()
  const owned = new Map(Array.from(new Set(members), member => [member, [] as string[]]))
  if (owned.size === 0) return assigned
  const names = [...new Set(partitions)].sort(compareKeys)
  const free: string[] = []
  for (const partition of names) {
    const owner = owners.get(partition)
    const theirs = owner === undefined ? undefined : owned.get(owner)
    if (theirs === undefined) free.push(partition)
    else theirs.push(partition)
  }
  const share = Math.floor(names.length / owned.size)
  let larger = names.length % owned.size
  const lacking: { readonly member: string; count: number }[] = []
  const byOwned = [...owned].sort(([a, of], [b, others]) => others.length - of.length || compareKeys(a, b))
  for (const [member, theirs] of byOwned) {
    const quota = larger-- > 0 ? share + 1 : share
    for (const partition of theirs.slice(0, quota)) assigned.set(partition, member)
    free.push(...theirs.slice(quota))
    if (theirs.length < quota) lacking.push({ member, count: quota - theirs.length })
  }
  free.sort(compareKeys)
  for (const { member, count } of lacking.sort((a, b) => compareKeys(a.member, b.member))) {
    for (const partition of free.splice(0, count)) assigned.set(partition, member)
  }
  return assigned
}
