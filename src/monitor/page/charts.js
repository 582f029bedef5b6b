import uPlot from '/uPlot.js'
import { byId, element, setText } from './dom.js'
import * as format from './format.js'

/** @typedef {import('../wire.ts').Sample} Sample */
/** @typedef {'throughput' | 'p50' | 'p90' | 'p99' | 'availability'} Figure */

/**
 * @typedef {object} Line
 * @property {Figure} figure
 * @property {string} label
 * @property {number} strength of the colour, from 0 to 1
 * @property {boolean} [fill]
 */

const scheme = matchMedia('(prefers-color-scheme: dark)')

/** @param {string} name */
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** A colour of the page, made weaker.
 * @param {string} hex
 * @param {number} strength
 */
const weaker = (hex, strength) =>
  `${hex}${Math.round(strength * 255)
    .toString(16)
    .padStart(2, '0')}`

/**
 * One figure over time: a card with a large number, and a chart whose values can be read with mouse, finger or arrow
 * keys.
 */
class Chart {
  /** @type {uPlot | undefined} */
  #plot
  /** @type {uPlot.AlignedData} */
  #data = [[]]
  #begin = 0
  #now = 0

  /**
   * @param {string} id
   * @param {readonly Line[]} lines
   * @param {(value: number | null | undefined) => string} show
   * @param {number | undefined} most the top of the scale, if it is fixed
   */
  constructor(id, lines, show, most) {
    const card = byId(id)
    this.lines = lines
    this.show = show
    this.most = most
    this.place = /** @type {HTMLElement} */ (card.querySelector('.plot'))
    this.readout = /** @type {HTMLElement} */ (card.querySelector('.readout'))
    this.output = /** @type {HTMLElement} */ (card.querySelector('output'))
    this.unit = /** @type {HTMLElement} */ (card.querySelector('.unit'))
    /** The large number, if it is not the latest value. @type {string | undefined} */
    this.figure = undefined
    /** The readout while nothing is pointed at. */
    this.about = ''
    this.name = card.querySelector('h2')?.textContent ?? ''
    this.place.tabIndex = 0
    this.place.setAttribute('role', 'group')
    this.place.addEventListener('keydown', event => this.#moveCursor(event))
    this.place.addEventListener('blur', () => this.#plot?.setCursor({ left: -10, top: -10 }))
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.place)
    scheme.addEventListener('change', () => this.#make())
  }

  /**
   * @param {readonly Sample[]} samples
   * @param {number} begin
   * @param {number} now
   */
  draw(samples, begin, now) {
    this.#begin = begin
    this.#now = now
    this.#data = [
      samples.map(({ at }) => at / 1000),
      ...this.lines.map(({ figure }) => samples.map(sample => sample[figure])),
    ]
    if (this.#plot === undefined) this.#make()
    else this.#plot.setData(this.#data)
    this.#read()
  }

  #size() {
    return { width: Math.max(this.place.clientWidth, 80), height: Math.max(this.place.clientHeight, 60) }
  }

  #make() {
    this.#plot?.destroy()
    const accent = colour('--accent')
    const axis = { stroke: colour('--soft'), font: '11px system-ui, sans-serif', ticks: { show: false } }
    const grid = { stroke: colour('--line'), width: 1 }
    this.#plot = new uPlot(
      {
        ...this.#size(),
        padding: [8, 10, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'time' }, points: { size: 7 } },
        scales: {
          x: { range: () => [this.#begin / 1000, this.#now / 1000] },
          y: { range: (_, __, max) => [0, this.most ?? (max > 0 ? max * 1.15 : 1)] },
        },
        axes: [
          {
            ...axis,
            size: 26,
            space: 70,
            grid: { show: false },
            values: (_, at) => at.map(format.axisTime),
            incrs: [20, 60, 120],
          },
          {
            ...axis,
            size: 46,
            space: 34,
            grid,
            values: (_, values) => values.map(value => this.show(value)),
          },
        ],
        series: [
          {},
          ...this.lines.map(({ label, strength, fill }) => ({
            label,
            stroke: weaker(accent, strength),
            width: 2,
            points: { show: false },
            ...(fill ? { fill: weaker(accent, 0.13) } : {}),
          })),
        ],
        hooks: { setCursor: [() => this.#read()] },
      },
      this.#data,
      this.place,
    )
  }

  /** Shows the values under the cursor, or the latest. */
  #read() {
    const index = this.#plot?.cursor.idx
    const last = this.#data[0].length - 1
    const at = this.#data[0][index ?? last]
    const values = this.lines.map((_, line) => this.#data[line + 1]?.[index ?? last])
    this.readout.replaceChildren(
      ...(this.lines.length === 1
        ? []
        : this.lines.map(({ label, strength }, line) => {
            const mark = element('i', '')
            mark.style.opacity = String(strength)
            return element('span', '', mark, `${label} ${this.show(values[line])}`)
          })),
      element('span', '', index == null || at === undefined ? this.about : `at ${format.time(at * 1000)}`),
    )
    const main = values.at(-1)
    setText(this.output, index == null && this.figure !== undefined ? this.figure : this.show(main))
    this.place.setAttribute(
      'aria-label',
      `${this.name} over time; arrow keys read it. ${at === undefined ? 'Nothing yet' : `${format.time(at * 1000)}: ${this.show(main)} ${this.unit.textContent}`}`,
    )
  }

  /** @param {KeyboardEvent} event */
  #moveCursor(event) {
    const plot = this.#plot
    if (plot === undefined || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return
    event.preventDefault()
    const last = this.#data[0].length - 1
    const index = plot.cursor.idx ?? last + 1
    const to = this.#data[0][Math.max(0, Math.min(index + (event.key === 'ArrowLeft' ? -1 : 1), last))]
    if (to !== undefined) plot.setCursor({ left: plot.valToPos(to, 'x'), top: 0 })
  }
}

const throughput = new Chart(
  'throughput',
  [{ figure: 'throughput', label: '', strength: 1, fill: true }],
  format.number,
  undefined,
)
const latency = new Chart(
  'latency',
  [
    { figure: 'p50', label: 'p50', strength: 0.35 },
    { figure: 'p90', label: 'p90', strength: 0.6 },
    { figure: 'p99', label: 'p99', strength: 1 },
  ],
  format.number,
  undefined,
)
const availability = new Chart(
  'availability',
  [{ figure: 'availability', label: '', strength: 1, fill: true }],
  format.percent,
  1.1,
)

/** @param {readonly Sample[]} samples */
const peak = samples => {
  const most = Math.max(...samples.map(({ throughput }) => throughput ?? 0))
  return most > 0 ? `at most ${format.number(most)}` : ''
}

/** @param {readonly Sample[]} samples */
const meanAvailability = samples => {
  const known = samples.map(({ availability }) => availability).filter(share => share !== null)
  return known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0) / known.length
}

/**
 * @param {readonly Sample[]} samples
 * @param {number} begin from when, in the monitor's time
 * @param {number} now
 * @param {boolean} ofStore whether the samples are those of the monitor's own connection
 */
export function drawCharts(samples, begin, now, ofStore) {
  const shown = samples.filter(({ at }) => at >= begin)
  setText(throughput.unit, ofStore ? 'changes/s' : 'records/s')
  setText(latency.unit, ofStore ? 'ms p99 of probing reads' : 'ms p99')
  setText(availability.unit, '%')
  const share = meanAvailability(shown)
  throughput.about = peak(shown)
  availability.figure = format.percent(share)
  availability.about = share === null ? '' : `over the last ${format.duration(now - begin)}`
  throughput.draw(shown, begin, now)
  latency.draw(shown, begin, now)
  availability.draw(shown, begin, now)
}
