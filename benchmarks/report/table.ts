import type { Outcome, Standing } from '../runner/compare.ts'
import type { Machine } from '../runner/machine.ts'
import { isOurs, lessIsBetter } from '../runner/question.ts'
import { show, showPoint, showRatio, spreadOf } from './numbers.ts'
import { failures, leftOut, type Result, resultsOf } from './results.ts'

const BAR = 24
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

function bar(share: number): string {
  const eighths = Math.max(1, Math.round(share * BAR * 8))
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!
}

/** Rows in columns as wide as they need to be; the columns in `right` are set right. */
function columns(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => [...row[column]!].length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(widths[column]! - [...cell].length)
        return right.includes(column) ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

const verdict = ({ target, met }: Result): string =>
  target === undefined ? '' : `${met ? '✓' : '✗'} target ${showRatio(target)}`

function standingRows(outcome: Outcome): string {
  const { comparison, standings } = outcome
  const most = Math.max(...standings.map(({ value }) => value))
  const header = ['', comparison.unit, 'spread', '', 'CPU µs/op: client', 'server']
  const rows = standings.map(each => [
    each.name,
    show(each.value),
    spreadOf(each.values, each.value),
    bar(each.value / most),
    show(each.clientCpu),
    each.serverCpu === 0 ? '–' : show(each.serverCpu),
  ])
  return columns([header, ...rows], [1, 2, 4, 5])
}

const ratioLines = (outcome: Outcome): string[] =>
  resultsOf(outcome).map(result => {
    const range = `${show(result.ratioLow)} – ${show(result.ratioHigh)}`
    return `  ${result.bench}: ${showRatio(result.ratio)} ${result.peer} (rounds ${range}) ${verdict(result)}`.trimEnd()
  })

const failureLines = (outcome: Outcome): string[] => failures(outcome).map(line => `  ${line}`)

/** A comparison at one point, or the only one. */
function single(outcome: Outcome): string {
  if (outcome.standings.length === 0) return failureLines(outcome).join('\n')
  return [standingRows(outcome), ...ratioLines(outcome), ...failureLines(outcome)].join('\n')
}

/** A growth curve: a row a point, a column a contender. */
function curve(outcomes: readonly Outcome[]): string {
  const { comparison } = outcomes[0]!
  const names = comparison.contenders.map(({ name }) => name).filter(name => standing(outcomes, name))
  const cell = (found: Standing | undefined): string[] =>
    found === undefined
      ? ['–', '']
      : [show(found.value), found.peakMemory === undefined ? '' : `${Math.round(found.peakMemory)} MB`]
  const header = [comparison.pointUnit ?? '', ...names.flatMap(name => [name, 'peak memory'])]
  const rows = outcomes.map(outcome => [
    showPoint(outcome.point!),
    ...names.flatMap(name => cell(outcome.standings.find(each => each.name === name))),
  ])
  const lost = new Set(outcomes.flatMap(failureLines))
  return [columns([header, ...rows], [...header.keys()]), ...lost].join('\n')
}

const standing = (outcomes: readonly Outcome[], name: string): Standing | undefined =>
  outcomes.flatMap(({ standings }) => standings).find(each => each.name === name)

/** The outcome of one comparison, all points of it. */
export function table(outcomes: readonly Outcome[]): string {
  const { comparison, point } = outcomes[0]!
  const better = lessIsBetter(comparison) ? 'less is better' : 'more is better'
  const body = point === undefined ? single(outcomes[0]!) : curve(outcomes)
  return `${comparison.title}\n(${comparison.name}; ${comparison.unit}, ${better})\n\n${body}\n`
}

/** The ratios that have a target, all together. */
export function summary(outcomes: readonly Outcome[]): string {
  const results = outcomes.flatMap(resultsOf).filter(({ target }) => target !== undefined)
  if (results.length === 0) return ''
  const rows = results.map(result => [
    result.bench,
    result.peer,
    showRatio(result.ratio),
    `${show(result.ratioLow)} – ${show(result.ratioHigh)}`,
    showRatio(result.target!),
    result.met ? '✓' : '✗ missed',
  ])
  const header = ['bench', 'against', 'ratio', 'rounds', 'target', '']
  return `Targets\n\n${columns([header, ...rows], [2, 3, 4])}\n`
}

/** What ran here. */
export function preamble(machine: Machine, outcomes: readonly Outcome[]): string {
  const labels = new Map<string, string>()
  for (const { standings } of outcomes) {
    for (const { name, label } of standings) if (!isOurs(name)) labels.set(name, label)
  }
  return [
    `${machine.cpu}, ${machine.cores} cores (shared by clients and server), ${machine.memory}; ${machine.system}`,
    `Node ${machine.node}; ${Object.entries(machine.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}; commit ${machine.commit}`,
    ...[...labels].map(([name, label]) => `${name}: ${label}`),
    ...leftOut(outcomes),
  ].join('\n')
}
