import type { JoinType, Window } from '../../src/index.ts'
import { type Ids, sessionsOf } from './sessions.ts'

/*
 * What is final, as it comes of records that are looked at one by one, in their order.
 */

export interface Click {
  readonly user: string
  readonly at: number
  readonly id: number
  readonly side: 'left' | 'right'
}

/** How far time has come after each click, by all of them. */
const watermarks = (all: readonly Click[], lateness: number): number[] => {
  let now = Number.NEGATIVE_INFINITY
  return all.map(({ at }) => {
    now = Math.max(now, at - lateness)
    return now
  })
}

export const addId = ({ id }: Click, ids: Ids = []): Ids => [...ids, id]

/** Windows, the records that were late, and how far time came. */
export function windowModel(
  all: readonly Click[],
  lateness: number,
  { size, every }: { size: number; every: number },
) {
  const marks = watermarks(all, lateness)
  const windows = new Map<string, Window<Ids>>()
  const late: number[] = []
  all.forEach((click, i) => {
    const { user: key, at } = click
    for (let start = (Math.floor((at - size) / every) + 1) * every; start <= at; start += every) {
      if (start + size <= marks[i]!) late.push(click.id)
      else {
        const name = `${key} ${start}`
        const value = addId(click, windows.get(name)?.value)
        windows.set(name, { key, start, end: start + size, value })
      }
    }
  })
  return { windows: [...windows.values()], late, end: marks.at(-1) ?? Number.NEGATIVE_INFINITY }
}

/** Sessions, the records that were late, and how far time came. */
export function sessionModel(all: readonly Click[], gap: number, grace: number) {
  const marks = watermarks(all, grace)
  const accepted: Click[] = []
  const late: number[] = []
  all.forEach((click, i) => {
    const { at, user } = click
    const isOver = (end: number): boolean => end + gap < marks[i]!
    const joined = sessionsOf(accepted, gap).filter(
      ({ key, start, end }) => key === user && at >= start - gap && at <= end + gap,
    )
    if (isOver(at) || joined.some(({ end }) => isOver(end))) late.push(click.id)
    else accepted.push(click)
  })
  return { sessions: sessionsOf(accepted, gap), late, end: marks.at(-1) ?? Number.NEGATIVE_INFINITY }
}

export type Pair = [left: Click | undefined, right: Click | undefined]
/** In short. */
export const showPair = ([left, right]: Pair): string => `${left?.id ?? '-'} ${right?.id ?? '-'}`

/** Pairs, those alone, those that wait, and the records that were late. */
export function joinModel(
  all: readonly Click[],
  before: number,
  after: number,
  lateness: number,
  type: JoinType,
) {
  const newest = { left: Number.NEGATIVE_INFINITY, right: Number.NEGATIVE_INFINITY }
  let now = Number.NEGATIVE_INFINITY
  const late: number[] = []
  const accepted = all.filter(({ id, side, at }) => {
    newest[side] = Math.max(newest[side], at)
    now = Math.max(now, Math.min(newest.left, newest.right) - lateness)
    if (at < now) late.push(id)
    return at >= now
  })
  const isPair = (left: Click, right: Click): boolean =>
    left.user === right.user && right.at >= left.at - before && right.at <= left.at + after
  const of = (side: 'left' | 'right') => accepted.filter(click => click.side === side)
  const pairs = of('left').flatMap(left =>
    of('right').flatMap((right): Pair[] => (isPair(left, right) ? [[left, right]] : [])),
  )
  const alone = [
    ...(type === 'inner' ? [] : of('left').filter(left => !of('right').some(right => isPair(left, right)))),
    ...(type === 'outer' ? of('right').filter(right => !of('left').some(left => isPair(left, right))) : []),
  ]
  const over = ({ side, at }: Click): number => at + (side === 'left' ? after : before)
  return {
    pairs,
    late,
    alone: (closeAtEnd: boolean) =>
      alone
        .filter(click => closeAtEnd || over(click) < now)
        .map((click): Pair => (click.side === 'left' ? [click, undefined] : [undefined, click])),
    waiting: (closeAtEnd: boolean) =>
      closeAtEnd ? [] : accepted.filter(click => over(click) >= now).map(({ id }) => id),
  }
}
