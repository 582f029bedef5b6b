import { byId, element } from './dom.js'
import * as format from './format.js'

const card = byId('groups-card')
const place = byId('groups')

/** @typedef {import('../wire.ts').Group} Group */
/** @typedef {import('../wire.ts').GroupMemberRow} Member */
/** @typedef {import('../wire.ts').GroupPartitionRow} Partition */

/**
 * @param {string} caption
 * @param {readonly string[]} titles those that begin with `>` are above numbers
 * @param {readonly HTMLTableRowElement[]} rows
 */
function table(caption, titles, rows) {
  const head = titles.map(title => {
    const cell = element('th', title.startsWith('>') ? 'right' : '', title.replace('>', ''))
    cell.scope = 'col'
    return cell
  })
  const made = element(
    'table',
    '',
    element('caption', 'hidden', caption),
    element('thead', '', element('tr', '', ...head)),
    element('tbody', '', ...rows),
  )
  return element('div', 'table', made)
}

/** @param {Member} member */
const memberRow = ({ name, host, pid, start, owned }) =>
  element(
    'tr',
    '',
    element('td', 'mono', name),
    element('td', '', host),
    element('td', 'right', String(pid)),
    element('td', 'right', format.time(start)),
    element('td', 'right', owned === 0 ? 'spare' : format.count(owned)),
  )

/** @param {Partition} partition */
const partitionRow = ({ name, owner, position, records, rate, lag }) =>
  element(
    'tr',
    '',
    element('td', 'mono', name),
    owner === null ? element('td', 'nobody', 'nobody') : element('td', 'mono', owner),
    element('td', 'mono', position),
    element('td', 'right', format.count(records)),
    element('td', 'right', format.number(rate)),
    element('td', 'right', lag === null ? '–' : `${format.number(lag.amount)} ${lag.unit}`),
  )

/**
 * @param {number} shown
 * @param {number} all
 */
const more = (shown, all) =>
  shown < all ? [element('p', 'note soft', `and ${format.count(all - shown)} more`)] : []

/**
 * @param {number} value
 * @param {string} thing
 */
const counted = (value, thing) => `${format.count(value)} ${thing}${value === 1 ? '' : 's'}`

/** @param {Group} group */
const articleOf = ({ name, members, memberCount, partitions, partitionCount, rate }) =>
  element(
    'article',
    'group',
    element(
      'h3',
      '',
      name,
      element(
        'span',
        'soft',
        `${counted(memberCount, 'member')} · ${counted(partitionCount, 'partition')} · ${format.number(rate)} records/s`,
      ),
    ),
    table(`Members of ${name}`, ['Member', 'Host', '>Process', '>Since', '>Owns'], members.map(memberRow)),
    ...more(members.length, memberCount),
    table(
      `Partitions of ${name}`,
      ['Partition', 'Owner', 'Position', '>Records', '>Records/s', '>Lag'],
      partitions.map(partitionRow),
    ),
    ...more(partitions.length, partitionCount),
  )

/** @param {readonly Group[]} groups */
export function showGroups(groups) {
  place.replaceChildren(...groups.map(articleOf))
  card.hidden = groups.length === 0
}
