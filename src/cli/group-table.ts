import type { GroupMember, GroupPartition, GroupSnapshot } from '../index.ts'
import { escapeControls } from './controls.ts'
import type { Invocation } from './invocation.ts'
import { count, counted } from './progress.ts'

/** How many partitions of a member to name. */
const NAMED = 8
/** How many characters of a position to show. */
const LONGEST_POSITION = 40

/** A group as text for people. */
export function groupTable(
  { group, members, partitions }: GroupSnapshot,
  colors: Invocation['colors'],
): string {
  const names = new Map(members.map(({ id, name }) => [id, name]))
  const rate = partitions.reduce((sum, each) => sum + (each.rate ?? 0), 0)
  const title =
    `${colors.bold(escapeControls(group))}  ${counted(members.length, 'member', 'members')}, ` +
    `${counted(partitions.length, 'partition', 'partitions')}, ${counted(rate, 'record', 'records')}/s`
  return [
    title,
    '',
    ...aligned(['member', 'host', 'pid', 'since', 'partitions'], members.map(memberRow), colors),
    '',
    ...aligned(
      ['partition', 'owner', 'position', 'records', 'rate', 'lag'],
      partitions.map(partition => partitionRow(partition, names)),
      colors,
    ),
  ].join('\n')
}

const memberRow = ({ name, host, pid, start, partitions }: GroupMember): string[] => {
  const more = partitions.length > NAMED ? ` and ${partitions.length - NAMED} more` : ''
  const owned = partitions.length === 0 ? '(a spare)' : partitions.slice(0, NAMED).join(' ') + more
  return [name, host, String(pid), new Date(start).toISOString().slice(0, 19), owned]
}

function partitionRow(
  { partition, owner, position, records, rate, lag }: GroupPartition,
  names: ReadonlyMap<string, string>,
): string[] {
  const shown =
    position === undefined ? '-' : typeof position === 'string' ? position : JSON.stringify(position)
  return [
    partition,
    owner === undefined ? '(nobody)' : (names.get(owner) ?? owner),
    shown.length > LONGEST_POSITION ? `${shown.slice(0, LONGEST_POSITION)}…` : shown,
    count(records),
    rate === undefined ? '-' : `${count(rate)}/s`,
    lag === undefined ? '-' : `${count(lag.amount)} ${lag.unit}`,
  ]
}

/** Rows below a header, in aligned columns; the last column is not padded. */
function aligned(head: readonly string[], rows: readonly string[][], colors: Invocation['colors']): string[] {
  const safe = rows.map(row => row.map(escapeControls))
  const widths = head.map((title, i) => Math.max(title.length, ...safe.map(row => row[i]!.length)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  ')
  return [colors.dim(line(head)), ...safe.map(line)]
}
