import { byId, element } from './dom.js'
import * as format from './format.js'

const place = byId('programs')
const empty = byId('programs-empty')

/** @typedef {import('../wire.ts').Program} Program */

/**
 * @param {string} name
 * @param {string} value
 */
const pair = (name, value) => element('div', '', element('dt', '', name), element('dd', '', value))

/** @param {Program} program */
function cardOf({ name, latest, inFlight, batches, cacheHits, cacheMisses, errors, stale }) {
  const card = element(
    'article',
    stale ? 'program stale' : 'program',
    element(
      'h3',
      '',
      element('span', '', name),
      element('span', 'badge', stale ? `silent since ${format.time(latest.at)}` : 'live'),
    ),
  )
  const figures = element(
    'dl',
    '',
    pair('records/s', format.number(latest.throughput)),
    pair('p99', format.milliseconds(latest.p99)),
    pair('in flight', format.count(inFlight)),
  )
  if (batches !== undefined) {
    figures.append(
      pair('keys a read', format.number(batches.reads.size)),
      pair('keys a write', format.number(batches.writes.size)),
      pair('keys a commit', format.number(batches.commits.size)),
    )
  }
  card.append(figures)
  const lookups = (cacheHits ?? 0) + (cacheMisses ?? 0)
  if (lookups > 0) {
    const hits = (cacheHits ?? 0) / lookups
    const bar = element('span', '')
    bar.style.width = `${100 * hits}%`
    const meter = element('div', 'hits', bar)
    meter.setAttribute('aria-hidden', 'true')
    card.append(
      meter,
      element('p', 'note soft', `${format.percent(hits)} % cache hits of ${format.count(lookups)} lookups`),
    )
  }
  const failed = Object.entries(errors)
  if (failed.length > 0) {
    card.append(
      element('p', 'note bad', failed.map(([code, times]) => `${code} × ${format.count(times)}`).join('  ')),
    )
  }
  return card
}

/** @param {readonly Program[]} programs */
export function showPrograms(programs) {
  place.replaceChildren(...programs.map(cardOf))
  empty.hidden = programs.length > 0
}
