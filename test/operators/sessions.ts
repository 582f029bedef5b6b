import type { Session } from '../../src/index.ts'

/** A record of the tests: which, of whom, when. */
export interface Click {
  readonly id: number
  readonly user: string
  readonly at: number
}

/** The value of a session is the ids of its records, sorted, so that the order in which they came does not show. */
export type Ids = readonly number[]

export const userOf = ({ user }: Click): string => user
export const joinIds = (earlier: Ids, later: Ids): Ids => [...earlier, ...later].sort((a, b) => a - b)
export const addId = ({ id }: Click, ids: Ids = []): Ids => joinIds(ids, [id])

/** The sessions of some records, found by sorting all of them. */
export function sessionsOf(clicks: readonly Click[], gap: number): Session<Ids>[] {
  const sessions: Session<Ids>[] = []
  for (const { id, user, at } of clicks.toSorted((a, b) => a.user.localeCompare(b.user) || a.at - b.at)) {
    const last = sessions.at(-1)
    if (last?.key === user && at - last.end <= gap) {
      sessions[sessions.length - 1] = { ...last, end: at, value: joinIds(last.value, [id]) }
    } else sessions.push({ key: user, start: at, end: at, value: [id] })
  }
  return sessions
}

/** Sessions by key and time. */
export const sorted = (sessions: Iterable<Session<Ids>>): Session<Ids>[] =>
  [...sessions].sort((a, b) => a.key.localeCompare(b.key) || a.start - b.start)
