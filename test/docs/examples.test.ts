import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { allSnippets, promisedOutput } from './snippets.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const snippets = allSnippets()
let folder: string

/** Without the spaces that console.log puts inside brackets. */
const tight = (text: string): string => text.replace(/([[{]) | (?=[\]}])/g, '$1')

/** Matches the text, with `…` for anything. */
const patternOf = (text: string): RegExp =>
  new RegExp(
    `^${text
      .split('…')
      .map(part => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  )

const pathOf = (name: string): string => join(folder, `${name}.ts`)

beforeAll(() => {
  // Inside the project, so that 'rxkeeper' is the package itself.
  mkdirSync(join(root, 'test/docs/.generated'), { recursive: true })
  folder = mkdtempSync(join(root, 'test/docs/.generated/'))
  for (const { name, code } of snippets) {
    // The server of the documentation is the one of the tests.
    const runnable = code.replaceAll('localhost:2181', inject('servers'))
    writeFileSync(pathOf(name), `${runnable}\nexport {}\n`)
  }
  const options = {
    extends: '../../../../tsconfig.json',
    include: ['*.ts', '../../../../src/**/*.d.ts'],
    exclude: [],
    compilerOptions: { noUnusedLocals: false },
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

it('documents every operator and store', () => {
  expect(snippets.length).toBeGreaterThan(20)
})

it('every snippet compiles', async () => {
  const { stdout } = await run('npx', ['tsc', '-p', folder], { cwd: root }).catch(
    error => error as { stdout: string },
  )
  expect(stdout).toBe('')
})

describe.concurrent('every snippet runs, prints what it says, and ends by itself', () => {
  it.each(snippets)('$at', async ({ name, code }) => {
    const { stdout } = await run('node', ['--import', 'tsx', '--conditions=rxkeeper-source', pathOf(name)], {
      cwd: root,
      timeout: 50_000,
    })
    const promised = promisedOutput(code)
    if (promised === undefined) return
    expect(tight(stdout.trim().split('\n').join(', '))).toMatch(patternOf(tight(promised)))
  })
})
