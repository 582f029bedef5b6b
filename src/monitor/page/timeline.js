import { byId, element, setText } from './dom.js'
import * as format from './format.js'

/** The shortest and the longest past that is shown, in milliseconds. */
const LEAST = 60_000
const MOST = 300_000

/**
 * The beginning of the past that is shown.
 * @param {number} now the monitor's time
 * @param {number} started when the monitor started
 */
export const windowBegin = (now, started) => now - Math.min(MOST, Math.max(LEAST, now - started))

const bar = byId('timeline')
const list = byId('timeline-list')
const since = byId('timeline-since')
const axis = byId('timeline-begin')

/** @type {readonly import('../../metrics/store-snapshot.ts').StatusChange[]} */
let states = []

/** @param {typeof states} timeline */
export function setTimeline(timeline) {
  states = timeline
  list.replaceChildren(
    ...states
      .map(({ state, reason, at }) => {
        const name = element('span', 'state-name', element('span', 'dot'), state)
        name.dataset.state = state
        return element(
          'li',
          '',
          element('time', 'soft', format.time(at)),
          name,
          element('span', 'soft', reason),
        )
      })
      .reverse(),
  )
}

/**
 * @param {number} begin from when, in the monitor's time
 * @param {number} now
 */
export function drawTimeline(begin, now) {
  const span = now - begin
  const shown = states
    .map(({ state, reason, at }, index) => ({ state, reason, from: at, to: states[index + 1]?.at ?? now }))
    .filter(({ to }) => to > begin)
  while (bar.children.length > shown.length) bar.lastElementChild?.remove()
  shown.forEach(({ state, reason, from, to }, index) => {
    const segment = /** @type {HTMLElement} */ (
      bar.children[index] ?? bar.appendChild(document.createElement('span'))
    )
    segment.dataset.state = state
    segment.title = `${state} since ${format.time(from)}: ${reason}`
    segment.style.left = `${(100 * (Math.max(from, begin) - begin)) / span}%`
    segment.style.width = `${(100 * (to - Math.max(from, begin))) / span}%`
  })
  setText(axis, `${format.duration(span)} ago`)
  const last = states.at(-1)
  if (last === undefined) return
  const lasting = `${last.state} for ${format.duration(now - last.at)}`
  setText(since, last.state === 'connected' ? lasting : `${lasting}: ${last.reason}`)
}
