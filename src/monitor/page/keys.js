import { arrowKeys, byId, element, oneStop, preview, setText } from './dom.js'
import * as format from './format.js'

/** The pause in typing before a search, and how often the list is refreshed, in milliseconds. */
const TYPING = 150
const RENEWAL = 1_000

/** The pause before a failed listing is retried, in milliseconds. */
const RETRY = 2_000

const search = /** @type {HTMLInputElement} */ (byId('search'))
const list = byId('keys')
const empty = byId('keys-empty')
const page = byId('page')
const previous = /** @type {HTMLButtonElement} */ (byId('previous'))
const next = /** @type {HTMLButtonElement} */ (byId('next'))
const dialog = /** @type {HTMLDialogElement} */ (byId('entry'))

/** @typedef {import('../wire.ts').ListedEntry} ListedEntry */

/** The last key of each page before this one.
 * @type {string[]}
 */
let before = []
/** @type {AbortController | undefined} */
let asking
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer
/** @type {string | undefined} */
let shownKey

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
async function ask(path, signal) {
  const response = await fetch(path, signal === undefined ? {} : { signal })
  const type = response.headers.get('content-type') ?? ''
  const answer = type.startsWith('application/json')
    ? await response.json()
    : { error: await response.text() }
  if (!response.ok) throw new Error(answer.error)
  return answer
}

async function list$() {
  asking?.abort()
  const mine = new AbortController()
  asking = mine
  const parameters = new URLSearchParams({ prefix: search.value })
  const after = before.at(-1)
  if (after !== undefined) parameters.set('after', after)
  try {
    /** @type {import('../wire.ts').KeyPage} */
    const { entries, more } = await ask(`/api/keys?${parameters}`, mine.signal)
    if (mine === asking) show(entries, more)
  } catch (error) {
    if (mine !== asking) return
    explain('The keys cannot be listed now', /** @type {Error} */ (error).message)
    listSoon(RETRY)
  }
}

/**
 * @param {readonly ListedEntry[]} entries
 * @param {boolean} more
 */
function show(entries, more) {
  const focused = list.contains(document.activeElement)
    ? document.activeElement?.closest('li')?.dataset.key
    : undefined
  list.replaceChildren(...entries.map(rowOf))
  const row = [...list.children].find(row => /** @type {HTMLElement} */ (row).dataset.key === focused)
  const button = focused === undefined ? undefined : (row ?? list).querySelector('button')
  oneStop(list, button ?? undefined)
  button?.focus({ preventScroll: true })
  previous.disabled = before.length === 0
  next.disabled = !more
  byId('pager').hidden = before.length === 0 && !more
  setText(page, before.length === 0 && !more ? '' : `page ${before.length + 1}`)
  empty.hidden = entries.length > 0
  if (entries.length > 0) return
  if (search.value === '') explain('The store is empty', 'Keys appear here when something is written.')
  else explain('No key begins so', 'Search is by prefix, and case matters.')
}

/**
 * @param {string} what
 * @param {string} more
 */
function explain(what, more) {
  list.replaceChildren()
  empty.hidden = false
  empty.replaceChildren(element('strong', '', what), element('span', '', more))
}

/** @param {ListedEntry} entry */
function rowOf({ key, version, value }) {
  const button = element(
    'button',
    '',
    element('span', 'key', key),
    preview(value),
    element('span', 'version', `v${version}`),
  )
  button.type = 'button'
  button.addEventListener('click', () => open(key))
  const row = element('li', '', button)
  row.dataset.key = key
  return row
}

/** @param {number} delay */
function listSoon(delay) {
  timer ??= setTimeout(() => {
    timer = undefined
    void list$()
  }, delay)
}

/** Lists the keys that match the search, from the first page. */
export function listKeys() {
  before = []
  void list$()
}

/** Shows an entry, as long as the dialog is open.
 * @param {string} key
 */
export function open(key) {
  shownKey = key
  setText(byId('entry-key'), key)
  setText(byId('entry-about'), '')
  setText(byId('entry-value'), '')
  void showEntry(key)
  dialog.showModal()
}

/** @param {string} key */
async function showEntry(key) {
  /** @type {[about: string, value: string]} */
  let shown
  try {
    /** @type {ListedEntry | null} */
    const entry = await ask(`/api/value?${new URLSearchParams({ key })}`)
    shown = entry === null ? ['absent', ''] : [aboutOf(entry), textOf(entry.value)]
  } catch (error) {
    shown = [/** @type {Error} */ (error).message, '']
  }
  if (key !== shownKey) return
  setText(byId('entry-about'), shown[0])
  setText(byId('entry-value'), shown[1])
}

/** @param {ListedEntry} entry */
const aboutOf = ({ version, value: { kind, bytes, cut } }) =>
  `version ${version} · ${kind === 'json' ? 'JSON' : kind} · ${format.size(bytes)}${cut ? ', of which this is the beginning' : ''}`

/** @param {import('../wire.ts').ShownValue} value */
const textOf = ({ kind, text, cut }) =>
  kind === 'json' && !cut ? JSON.stringify(JSON.parse(text), undefined, 2) : text

/** Refreshes what is shown when it has changed.
 * @param {import('../wire.ts').Changes} changes
 */
export function keysChanged({ latest, omitted }) {
  if (document.hidden) return
  if (omitted > 0 || latest.some(({ key }) => key.startsWith(search.value))) listSoon(RENEWAL)
  if (shownKey !== undefined && (omitted > 0 || latest.some(({ key }) => key === shownKey)))
    void showEntry(shownKey)
}

/** @param {import('../wire.ts').Keys} keys */
export function showCount({ count, synced }) {
  setText(
    byId('keys-count'),
    synced ? `${format.count(count)} in all` : `${format.count(count)} so far, still listing`,
  )
}

export function beginKeys() {
  arrowKeys(list)
  search.addEventListener('input', () => {
    before = []
    clearTimeout(timer)
    timer = undefined
    listSoon(TYPING)
  })
  search.addEventListener('keydown', event => {
    if (event.key !== 'ArrowDown') return
    event.preventDefault()
    list.querySelector('button')?.focus()
  })
  next.addEventListener('click', () => {
    const last = /** @type {HTMLElement | null} */ (list.lastElementChild)?.dataset.key
    if (last === undefined) return
    before.push(last)
    list.scrollTop = 0
    void list$()
  })
  previous.addEventListener('click', () => {
    before.pop()
    list.scrollTop = 0
    void list$()
  })
  document.addEventListener('keydown', event => {
    const typing = event.target instanceof HTMLInputElement
    if (event.key !== '/' || typing || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    search.focus()
    search.select()
  })
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) listSoon(0)
  })
  // A long value is scrolled with the keyboard, too.
  byId('entry-value').tabIndex = 0
  byId('entry-close').addEventListener('click', () => dialog.close())
  dialog.addEventListener('click', event => {
    // A click on the backdrop, not inside.
    if (event.target === dialog) dialog.close()
  })
  dialog.addEventListener('close', () => {
    shownKey = undefined
  })
}
