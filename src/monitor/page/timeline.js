import { byId, element, setText } from './dom.js'
import * as format from './format.js'

/** How much of the past is shown, in milliseconds. */
export const WINDOW = 300_000

const bar = byId('timeline')
const list = byId('timeline-list')
const since = byId('timeline-since')

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

/** @param {number} now the monitor's time */
export function drawTimeline(now) {
  const begin = now - WINDOW
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
    segment.style.left = `${(100 * (Math.max(from, begin) - begin)) / WINDOW}%`
    segment.style.width = `${(100 * (to - Math.max(from, begin))) / WINDOW}%`
  })
  const last = states.at(-1)
  setText(since, last === undefined ? '' : `${last.state} for ${format.duration(now - last.at)}`)
}
