import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'rxkeeper-benchmarks-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bench = (...args: string[]) =>
  run(process.execPath, ['--import', 'tsx', '--conditions=rxkeeper-source', 'benchmarks/main.ts', ...args], {
    cwd: root,
  })

const failing = async (...args: string[]): Promise<{ code: number; stderr: string }> =>
  bench(...args).then(
    () => {
      throw new Error('it did not fail')
    },
    error => error as { code: number; stderr: string },
  )

test('a comparison without a server: JSON lines, and a page that loads nothing from elsewhere', async () => {
  const page = join(folder, 'page.html')
  const { stdout } = await bench(
    '--only',
    'loop-memory',
    '--quick',
    '--rounds',
    '1',
    '--json',
    '--html',
    page,
  )
  const lines = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  const line = lines.find(each => each.bench === 'loop-memory' && each.peer === 'rxjs-map')!
  expect(line).toMatchObject({ unit: 'records/s', rounds: 1, target: 5 })
  expect(line.ratio).toBeCloseTo(Number(line.rxkeeper) / Number(line.peerValue), 1)
  const html = readFileSync(page, 'utf8')
  expect(html).toContain('<canvas id="chart-0"')
  expect(html).not.toMatch(/<(?:script|link|img)[^>]*(?:src|href)=/)
})

test('comparisons on a server: what each contender reached, and against which target', async () => {
  const { stdout } = await bench('--only', 'alone/get,watch', '--quick', '--rounds', '1')
  expect(stdout).toContain('One read at a time')
  expect(stdout).toMatch(/rxkeeper\/watch\$ +[\d,]+ /)
  expect(stdout).toMatch(/watch: [\d.,]+\u00a0× plain .* target 8\u00a0×/)
  // The second of ours on the same work is left out of a quick run.
  expect(stdout).not.toContain('rxkeeper/changes$')
  expect(stdout).toContain('plain: node-zookeeper-client 1.1.3')
}, 120_000)

test('what is not to be had is said in a line', async () => {
  for (const [args, message] of [
    [['--only', 'nothing'], 'no question or comparison is called nothing'],
    [['--rounds', '0'], '--rounds must be a whole number of at least 1, got 0'],
    [['--fast'], "Unknown option '--fast'"],
  ] as const) {
    const { code, stderr } = await failing(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
  }
})
