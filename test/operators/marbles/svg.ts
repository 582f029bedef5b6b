import { TestScheduler } from 'rxjs/testing'
import { type Diagram, valuesOf } from './diagrams.ts'

/** Narrow enough that the text is large enough on a phone; of one size, so that they make a tidy page. */
const WIDTH = 400
const HEIGHT = 210
const MARGIN = 16
const RADIUS = 12
const ROW = 52
/** The most that a frame takes. */
const FRAME = 36
/** Before the arrow's head. */
const ROOM = 14
/** Of a letter of the typeface: 12 pixels, 0.6 em wide. */
const LETTER = 7.2
const LINE = 17

/** The colours of keys, and of what has none, by day and by night: the line and the area. */
const COLOURS: Readonly<Record<string, readonly [day: string, night: string]>> = {
  a: ['stroke:#0969da;fill:#ddf4ff', 'stroke:#4493f8;fill:#12233d'],
  b: ['stroke:#bc4c00;fill:#fff1e5', 'stroke:#db6d28;fill:#301e12'],
  c: ['stroke:#1a7f37;fill:#dafbe1', 'stroke:#3fb950;fill:#12291a'],
  other: ['stroke:#59636e;fill:#f6f8fa', 'stroke:#9198a1;fill:#212830'],
  card: ['stroke:#d1d9e0;fill:#ffffff', 'stroke:#3d444d;fill:#0d1117'],
  box: ['stroke:#d1d9e0;fill:#f6f8fa', 'stroke:#3d444d;fill:#151b23'],
  time: ['stroke:#59636e;fill:none', 'stroke:#9198a1;fill:none'],
  text: ['fill:#1f2328', 'fill:#f0f6fc'],
  soft: ['fill:#59636e', 'fill:#9198a1'],
}

const rules = (scheme: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(([name, styles]) => `.${name}{${styles[scheme]}}`)
    .join('')

const STYLE = `<style>text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;white-space:pre}${rules(0)}@media(prefers-color-scheme:dark){${rules(1)}}</style>`

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const round = (number: number): number => Math.round(10 * number) / 10

const textAt = (x: number, y: number, kind: string, text: string, more = ''): string =>
  `<text class="${kind}" x="${round(x)}" y="${round(y)}"${more}>${escapeText(text)}</text>`

/** What happens at one time. */
interface Moment {
  readonly frame: number
  readonly texts: readonly string[]
  readonly completes: boolean
}

function momentsOf(marbles: string, texts: Diagram['texts']): Moment[] {
  const messages = TestScheduler.parseMarbles(marbles, valuesOf(marbles, texts), undefined, false, true)
  return [...new Set(messages.map(({ frame }) => frame))].map(time => {
    const now = messages.filter(({ frame }) => frame === time).map(({ notification }) => notification)
    return {
      frame: time / TestScheduler.frameTimeFactor,
      texts: now.flatMap(notification => (notification.kind === 'N' ? [String(notification.value)] : [])),
      completes: now.some(({ kind }) => kind === 'C'),
    }
  })
}

const widthOf = (text: string): number => Math.max(2 * RADIUS, text.length * LETTER + 12)

const GAP = 2

const widthOfAll = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + widthOf(text) + GAP, 0)

/** The time of a frame, in pixels, so that all of a line fits; throws where it cannot, without one marble on another. */
function frameWidth(name: string, lines: readonly (readonly Moment[])[]): number {
  const room = WIDTH - 2 * MARGIN - ROOM
  const moments = lines.flat().filter(({ frame }) => frame > 0)
  const width = Math.min(
    FRAME,
    ...moments.map(({ frame, texts }) => (room - (widthOfAll(texts) || RADIUS)) / frame),
  )
  for (const line of lines) {
    line.forEach(({ frame, texts }, i) => {
      const next = line[i + 1]
      if (next !== undefined && widthOfAll(texts) > (next.frame - frame) * width) {
        throw new Error(`${name}: ${texts} does not fit before what comes at ${next.frame}`)
      }
    })
  }
  return width
}

/** A marble as wide as its text, from its left end on. */
function marble(left: number, y: number, text: string): string {
  const kind = /^[abc]\b|^[abc]\d/.test(text) ? text[0] : 'other'
  const width = widthOf(text)
  return (
    `<rect class="${kind}" x="${round(left)}" y="${y - RADIUS}" width="${round(width)}" height="${2 * RADIUS}" rx="${RADIUS}" stroke-width="1.5"/>` +
    textAt(left + width / 2, y + 4, 'text', text, ' text-anchor="middle"')
  )
}

/** The line of an Observable: its time, and what happens in it; what happens at once is underlined. */
function timeline(moments: readonly Moment[], y: number, frame: number, label: string): string {
  const end = WIDTH - MARGIN
  const parts = [
    textAt(MARGIN, y - RADIUS - 6, 'soft', label),
    `<path class="time" d="M${MARGIN} ${y}H${end}m-5 -4l5 4l-5 4"/>`,
  ]
  for (const { frame: at, texts, completes } of moments) {
    const begin = MARGIN + at * frame
    let left = begin
    for (const text of texts) {
      parts.push(marble(left, y, text))
      left += widthOf(text) + GAP
    }
    if (texts.length > 1) {
      parts.push(`<path class="time" d="M${round(begin + 6)} ${y + RADIUS + 5}H${round(left - GAP - 6)}"/>`)
    }
    if (completes) {
      const x = texts.length > 0 ? left + 2 : begin + RADIUS
      parts.push(`<path class="time" stroke-width="2" d="M${round(x)} ${y - RADIUS}v${2 * RADIUS}"/>`)
    }
  }
  return parts.join('')
}

/** The code, and what is stored before, in a box. */
function box(height: number, { call, stored }: Diagram): string {
  const lines = call.split('\n').map(line => ['text', line] as const)
  const state = stored && Object.entries(stored).map(([key, value]) => `${key}: ${value}`)
  const all = state ? [...lines, ['soft', `stored  ${state.join('  ')}`] as const] : lines
  const first = ROW + (height - all.length * LINE) / 2 + 12
  return [
    `<rect class="box" x="${MARGIN}" y="${ROW}" width="${WIDTH - 2 * MARGIN}" height="${height}" rx="6"/>`,
    ...all.map(([kind, line], i) => textAt(MARGIN + 10, first + i * LINE, kind, line)),
  ].join('')
}

/** Where a diagram is kept once it is drawn. */
export const fileOf = ({ name }: Diagram): URL => new URL(`${name.replace('$', '')}.svg`, import.meta.url)

/** Draws a diagram, for light and for dark pages. */
export function draw(diagram: Diagram): string {
  const { name, source, beside, output, texts } = diagram
  const read = momentsOf(source, texts)
  const happened = beside && momentsOf(beside.marbles, texts)
  const emitted = momentsOf(output, texts)
  const frame = frameWidth(name, [read, ...(happened ? [happened] : []), emitted])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escapeText(`${name}: ${source} becomes ${output}`)}</title>`,
    STYLE,
    `<rect class="card" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>`,
    timeline(read, 28, frame, ''),
    box(happened ? 2 * LINE + 14 : 2 * LINE + 14 + ROW, diagram),
    ...(happened ? [timeline(happened, 134, frame, beside.label)] : []),
    timeline(emitted, 184, frame, happened ? 'emitted' : ''),
    '</svg>\n',
  ].join('\n')
}
