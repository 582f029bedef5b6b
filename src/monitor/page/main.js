import { beginChanges, showChanges } from './changes.js'
import { drawCharts } from './charts.js'
import { follow } from './connection.js'
import { byId, element, setText } from './dom.js'
import { showGroups } from './groups.js'
import { beginKeys, keysChanged, listKeys, showCount } from './keys.js'
import { showPrograms } from './programs.js'
import { drawTimeline, setTimeline, windowBegin } from './timeline.js'
import { enter, tokenOfAddress } from './token.js'

/** @typedef {import('../wire.ts').Sample} Sample */

const main = byId('main')
const lock = byId('lock')
const notice = byId('notice')
const sources = byId('sources')
const state = byId('state')

/** The samples of the store, under '', and of the programs, by name.
 * @type {Map<string, Sample[]>}
 */
let samples = new Map()
/** Whose samples are drawn. */
let source = ''
/** The monitor's time. */
let now = 0
/** When the monitor started, by its clock. */
let started = 0
let connection = 'waiting'
let away = true
/** @type {string | undefined} */
let failure

/** @param {readonly string[]} programs */
function showSources(programs) {
  const names = ['', ...programs]
  const inputs = [...sources.querySelectorAll('input')]
  if (inputs.length === names.length && inputs.every(({ value }, i) => value === names[i])) return
  if (!names.includes(source)) source = ''
  const focused = sources.contains(document.activeElement)
  for (const label of sources.querySelectorAll('label')) label.remove()
  for (const name of names) {
    const input = element('input', '')
    input.type = 'radio'
    input.name = 'source'
    input.value = name
    input.checked = name === source
    input.addEventListener('change', () => {
      source = name
      draw()
    })
    sources.append(element('label', '', input, name === '' ? 'This store' : name))
    if (focused && input.checked) input.focus()
  }
  sources.hidden = programs.length === 0
}

/**
 * @param {string} name
 * @param {Sample} sample
 */
function addSample(name, sample) {
  const known = samples.get(name) ?? []
  if (known.at(-1)?.at !== sample.at) known.push(sample)
  while (known.length > 0 && /** @type {Sample} */ (known[0]).at < windowBegin(sample.at, 0)) known.shift()
  samples.set(name, known)
}

function draw() {
  const begin = windowBegin(now, started)
  drawCharts(samples.get(source) ?? [], begin, now, source === '')
  drawTimeline(begin, now)
}

function showState() {
  state.dataset.state = away ? 'away' : connection
  setText(byId('state-text'), away ? 'reconnecting' : connection)
  document.body.classList.toggle('away', away)
  const message = away
    ? 'The monitor does not answer. This page comes back by itself as soon as it does.'
    : failure
  notice.hidden = message === undefined
  setText(notice, message ?? '')
}

/** @param {import('../wire.ts').Tick} tick */
function takeTick({ at, store, programs, groups, keys }) {
  now = at
  addSample('', store)
  for (const { name, latest } of programs) addSample(name, latest)
  showCount(keys)
  showSources(programs.map(({ name }) => name))
  showPrograms(programs)
  showGroups(groups)
  if (!document.hidden) draw()
}

/** @param {Parameters<typeof setTimeline>[0]} timeline */
function takeTimeline(timeline) {
  connection = timeline.at(-1)?.state ?? 'waiting'
  setTimeline(timeline)
  const latest = Math.max(now, timeline.at(-1)?.at ?? 0)
  drawTimeline(windowBegin(latest, started), latest)
  showState()
}

/** @type {Parameters<typeof follow>[0]} */
const take = {
  overview: overview => {
    samples = new Map([['', [...overview.history]]])
    for (const [name, history] of Object.entries(overview.programHistory)) samples.set(name, [...history])
    started = overview.started
    failure = overview.failure
    setText(
      byId('store'),
      overview.prefix === '' ? overview.store : `${overview.store} · ${overview.prefix}…`,
    )
    document.title = `${overview.store} · rxkeeper monitor`
    main.hidden = false
    takeTick(overview.tick)
    takeTimeline(overview.timeline)
    showChanges(overview.changes, false)
    listKeys()
  },
  tick: takeTick,
  changes: changes => {
    showChanges(changes, true)
    keysChanged(changes)
    showCount(changes.keys)
  },
  timeline: takeTimeline,
  failure: message => {
    failure = `Changes are no longer followed: ${message}`
    showState()
  },
}

/** @type {ReturnType<typeof follow> | undefined} */
let following

/** @param {'live' | 'away' | 'locked'} heard */
function heardFrom(heard) {
  if (heard === 'locked') askForToken()
  if (away === (heard !== 'live')) return
  away = heard !== 'live'
  showState()
}

function begin() {
  lock.hidden = true
  if (following === undefined) following = follow(take, heardFrom)
  else following.again()
}

function askForToken() {
  main.hidden = true
  notice.hidden = true
  lock.hidden = false
  setText(byId('state-text'), 'locked')
  byId('token').focus()
}

lock.addEventListener('submit', async event => {
  event.preventDefault()
  const input = /** @type {HTMLInputElement} */ (byId('token'))
  const answer = await enter(input.value)
  setText(
    byId('lock-error'),
    answer === 'locked' ? 'That is not the token.' : answer === 'away' ? 'The monitor does not answer.' : '',
  )
  if (answer !== 'open') return
  input.value = ''
  begin()
})

beginKeys()
beginChanges()
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) draw()
})
const given = tokenOfAddress()
if ((await enter(given)) === 'locked') askForToken()
else begin()
