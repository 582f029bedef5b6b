import { arrowKeys, byId, element, oneStop, preview } from './dom.js'
import * as format from './format.js'
import { open } from './keys.js'

/** How many changes the page keeps. */
const KEPT = 100

const list = byId('changes')
const empty = byId('changes-empty')
const pause = byId('pause')

/** Up to this many at a time are highlighted. */
const FEW = 4

let paused = false

/** @param {import('../wire.ts').SeenChange} change */
function rowOf(change) {
  const button = element(
    'button',
    '',
    element('time', '', format.time(change.at)),
    element('span', 'key', change.key),
    change.type === 'put' ? preview(change.value) : element('span', 'value other', 'deleted'),
    element('span', 'version', change.type === 'put' ? `v${change.version}` : ''),
  )
  button.type = 'button'
  button.addEventListener('click', () => open(change.key))
  return element('li', change.type === 'delete' ? 'deleted' : '', button)
}

/**
 * @param {import('../wire.ts').Changes} changes
 * @param {boolean} fresh whether they are new
 */
export function showChanges({ latest, omitted }, fresh) {
  if (paused) return
  if (!fresh) list.replaceChildren()
  const rows = latest.map(rowOf).reverse()
  // If everything is new, nothing is highlighted.
  if (fresh && rows.length <= FEW) for (const row of rows) row.classList.add('fresh')
  if (omitted > 0) rows.push(element('li', 'omitted', `and ${format.count(omitted)} more in this moment`))
  list.prepend(...rows)
  while (list.children.length > KEPT) list.lastElementChild?.remove()
  oneStop(list, list.contains(document.activeElement) ? document.activeElement : undefined)
  empty.hidden = list.children.length > 0
}

export function beginChanges() {
  arrowKeys(list)
  pause.addEventListener('click', () => {
    paused = !paused
    pause.setAttribute('aria-pressed', String(paused))
    pause.textContent = paused ? 'Paused' : 'Pause'
  })
}
