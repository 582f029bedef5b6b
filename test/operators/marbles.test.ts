import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { virtually } from './cases.ts'
import { type Diagram, diagrams, valuesOf } from './marbles/diagrams.ts'
import { run } from './marbles/run.ts'
import { draw, fileOf } from './marbles/svg.ts'

const nameOf = (diagram: Diagram): string => basename(fileOf(diagram).pathname)

describe('what a marble diagram shows happens', () => {
  test.each(diagrams)('$name', diagram => {
    virtually(scheduler => {
      const { source, beside, output, texts } = diagram
      const { source$, beside$, output$ } = run(diagram, scheduler)
      scheduler.expectObservable(source$).toBe(source, valuesOf(source, texts))
      if (beside) scheduler.expectObservable(beside$).toBe(beside.marbles, valuesOf(beside.marbles, texts))
      scheduler.expectObservable(output$).toBe(output, valuesOf(output, texts))
    })
  })
})

describe('the diagrams of the operators', () => {
  const readme = readFileSync(new URL('../../src/operators/README.md', import.meta.url), 'utf8')

  test.each(diagrams)('$name is drawn as it is; otherwise: npm run marbles', diagram => {
    expect(readFileSync(fileOf(diagram), 'utf8')).toBe(draw(diagram))
    expect(readme).toContain(`](../../test/operators/marbles/${nameOf(diagram)})`)
  })

  test('every operator of the table has one, and nobody else', () => {
    const table = /^# Operators$.*?^## /ms.exec(readme)?.[0] ?? ''
    const operators = [...table.matchAll(/^\| `([\w$]+)\(/gm)].map(([, name]) => name)
    expect(operators.length).toBeGreaterThan(5)
    expect(diagrams.map(({ name }) => name)).toEqual(expect.arrayContaining(operators))
    const files = readdirSync(new URL('marbles', import.meta.url)).filter(name => name.endsWith('.svg'))
    expect(files.sort()).toEqual(diagrams.map(nameOf).sort())
  })
})
