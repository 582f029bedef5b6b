import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { buildPackage } from '../../build.ts'
import { type RedisServer, startRedis } from '../setup/redis-server.ts'
import { allSnippets, promisedOutput } from './snippets.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const snippets = allSnippets()
let folder: string
let redis: RedisServer

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

const tsc = (...args: string[]): Promise<{ stdout: string }> =>
  run(join(root, 'node_modules/.bin/tsc'), args, { cwd: root }).catch(error => error as { stdout: string })

/** What the compiler has to say of the package, and then of the snippets, which it makes programs of. */
let complaints: string

/** Builds the package and compiles the snippets against it, as in a project where it is installed. */
beforeAll(async () => {
  redis = await startRedis()
  mkdirSync(join(root, 'test/docs/.generated'), { recursive: true })
  folder = mkdtempSync(join(root, 'test/docs/.generated/'))
  const installed = join(folder, 'node_modules/rxkeeper')
  const built = buildPackage(join(installed, 'dist')).then(() => '', String)
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const { name, code } of snippets) {
    // The servers of the documentation are those of the tests.
    const runnable = code
      .replaceAll('localhost:2181', inject('servers'))
      .replaceAll('localhost:6379', redis.address)
    writeFileSync(join(folder, `${name}.ts`), `${runnable}\nexport {}\n`)
  }
  const options = {
    extends: '../../../../tsconfig.json',
    include: ['*.ts'],
    exclude: [],
    compilerOptions: { noEmit: false, noUnusedLocals: false, customConditions: [] },
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
  complaints = (await built) + (await tsc('-p', folder)).stdout
})

afterAll(async () => {
  await redis[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

it('documents every operator and store', () => {
  expect(snippets.length).toBeGreaterThan(20)
})

it('every snippet compiles', () => {
  expect(complaints).toBe('')
})

describe.concurrent('every snippet runs, prints what it says, and ends by itself', () => {
  it.each(snippets)('$at', async ({ name, code }) => {
    const { stdout } = await run('node', [join(folder, `${name}.js`)], { cwd: root, timeout: 50_000 })
    const promised = promisedOutput(code)
    if (promised === undefined) return
    expect(tight(stdout.trim().split('\n').join(', '))).toMatch(patternOf(tight(promised)))
  })
})
