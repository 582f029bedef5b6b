import { join } from 'node:path'
import { buildSync } from 'esbuild'
import type { Outcome } from '../runner/compare.ts'
import type { Machine } from '../runner/machine.ts'
import { isOurs, lessIsBetter } from '../runner/question.ts'
import type { PageChart } from './chart.ts'
import { show, showPoint, showRatio, spreadOf } from './numbers.ts'
import { failures, leftOut, type Result, resultsOf } from './results.ts'
import { STYLE } from './style.ts'

const asText = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)

/** JSON that cannot end the element it is in. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c')

const row = (tag: 'td' | 'th', cells: readonly string[]): string =>
  `<tr>${cells.map((cell, i) => `<${i === 0 ? 'th scope="row"' : tag}>${asText(cell)}</${i === 0 ? 'th' : tag}>`).join('')}</tr>`

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="scroll"><table><thead><tr>${head.map(cell => `<th scope="col">${asText(cell)}</th>`).join('')}</tr></thead>` +
  `<tbody>${rows.map(cells => row('td', cells)).join('')}</tbody></table></div>`

function verdict({ target, met }: Result): string {
  if (target === undefined) return ''
  return met ? `✓ target ${showRatio(target)}` : `✗ target ${showRatio(target)}`
}

/** The outcomes of each comparison: one, or one a point. */
function grouped(outcomes: readonly Outcome[]): Outcome[][] {
  const groups = new Map<string, Outcome[]>()
  for (const outcome of outcomes) {
    const { name } = outcome.comparison
    groups.set(name, [...(groups.get(name) ?? []), outcome])
  }
  return [...groups.values()].filter(group => group.some(({ standings }) => standings.length > 0))
}

const namesIn = (outcomes: readonly Outcome[]): string[] =>
  outcomes[0]!.comparison.contenders
    .map(({ name }) => name)
    .filter(name => outcomes.some(({ standings }) => standings.some(each => each.name === name)))

const valueAt = ({ standings }: Outcome, name: string): number | null =>
  standings.find(each => each.name === name)?.value ?? null

function chartOf(outcomes: readonly Outcome[], id: string): PageChart {
  const { comparison, point, standings } = outcomes[0]!
  if (point === undefined) {
    const values = standings.map(({ value }) => value)
    return {
      id,
      unit: comparison.unit,
      labels: standings.map(({ name }) => name),
      series: [{ name: '', values }],
    }
  }
  return {
    id,
    unit: comparison.unit,
    labels: [],
    series: namesIn(outcomes).map(name => ({
      name,
      values: outcomes.map(outcome => valueAt(outcome, name)),
    })),
    points: outcomes.map(each => each.point!),
    pointUnit: comparison.pointUnit ?? '',
  }
}

function figures(outcomes: readonly Outcome[]): string {
  const { comparison, point, standings } = outcomes[0]!
  if (point !== undefined) {
    const names = namesIn(outcomes)
    const rows = outcomes.map(outcome => [
      showPoint(outcome.point!),
      ...names.map(name => {
        const found = outcome.standings.find(each => each.name === name)
        if (found === undefined) return '–'
        const memory = found.peakMemory === undefined ? '' : ` (${Math.round(found.peakMemory)} MB)`
        return `${show(found.value)}${memory}`
      }),
    ])
    return table(
      [comparison.pointUnit ?? '', ...names.map(name => `${name}, ${comparison.unit} (peak memory)`)],
      rows,
    )
  }
  const head = ['', comparison.unit, 'spread', 'client µs of CPU/op', 'server µs of CPU/op']
  const standingRows = standings.map(each => [
    each.name,
    show(each.value),
    spreadOf(each.values, each.value),
    show(each.clientCpu),
    each.serverCpu === 0 ? '–' : show(each.serverCpu),
  ])
  const results = resultsOf(outcomes[0]!)
  const ratios = results.map(result => [
    result.bench,
    result.peer,
    showRatio(result.ratio),
    `${show(result.ratioLow)} – ${show(result.ratioHigh)}`,
    verdict(result),
  ])
  return (
    table(head, standingRows) +
    (ratios.length > 0 ? table(['ratio', 'against', '', 'rounds', ''], ratios) : '')
  )
}

function section(outcomes: readonly Outcome[], id: string): string {
  const { comparison, point, standings } = outcomes[0]!
  const height = point === undefined ? 60 + 34 * standings.length : 320
  const better = lessIsBetter(comparison) ? 'less is better' : 'more is better'
  return `<section>
<h2>${asText(comparison.title)}</h2>
<p class="soft">${asText(`${comparison.name}; ${comparison.unit}, ${better}`)}</p>
<div class="chart" style="height:${height}px"><canvas id="${id}" role="img" aria-label="${asText(comparison.title)}: the figures are in the table below"></canvas></div>
<details><summary>Figures</summary>${figures(outcomes)}</details>
${outcomes
  .flatMap(failures)
  .map(line => `<p class="soft">${asText(line)}</p>`)
  .join('\n')}
</section>`
}

function headlines(outcomes: readonly Outcome[]): string {
  const results = outcomes.flatMap(resultsOf).filter(({ target }) => target !== undefined)
  if (results.length === 0) return ''
  const cards = results.map(
    result => `<li class="${result.met ? 'met' : 'missed'}"><b>${asText(showRatio(result.ratio))}</b>
<span>${asText(result.bench)}</span><span class="soft">against ${asText(result.peer)}; ${asText(verdict(result))}</span></li>`,
  )
  return `<h2>Targets</h2>\n<ul class="cards">${cards.join('\n')}</ul>`
}

function contenders(outcomes: readonly Outcome[]): string {
  const labels = new Map<string, string>()
  for (const { standings } of outcomes) {
    for (const { name, label } of standings) if (!isOurs(name)) labels.set(name, label)
  }
  return [...labels].map(([name, label]) => `<dt>${asText(name)}</dt><dd>${asText(label)}</dd>`).join('')
}

/** One page with everything in it: charts, figures, and what they were measured on. */
export function htmlPage(machine: Machine, outcomes: readonly Outcome[]): string {
  const groups = grouped(outcomes)
  const { outputFiles } = buildSync({
    entryPoints: [join(import.meta.dirname, '../page/charts.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
  })
  const script = outputFiles[0]!.text.replaceAll('</script', '<\\/script')
  const charts = groups.map((group, i) => chartOf(group, `chart-${i}`))
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rxkeeper benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>rxkeeper benchmarks</h1>
<p class="soft">${asText(`${machine.cpu}, ${machine.cores} cores shared by clients and server, ${machine.memory}; ${machine.system}; Node ${machine.node}; ${versions.join('; ')}; commit ${machine.commit}`)}</p>
<p class="soft">Contenders take turns on one server, round after round; a bar or point is the median of the rounds.</p>
${headlines(outcomes)}
${groups.map((group, i) => section(group, `chart-${i}`)).join('\n')}
<section><h2>Contenders</h2><dl>${contenders(outcomes)}</dl>
${leftOut(outcomes)
  .map(line => `<p class="soft">${asText(line)}</p>`)
  .join('\n')}</section>
</main>
<script type="application/json" id="charts">${embedded(charts)}</script>
<script>${script}</script>
</body>
</html>
`
}
