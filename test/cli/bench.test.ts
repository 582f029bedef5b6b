import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject, outcomeOf } from './project.ts'

const project = newProject()
const root = freshRoot('measured')
const env = { RXKEEPER_STORE: `zookeeper://${servers}${root}` }

/** The nodes of the benchmark that are left. */
async function leftBehind(): Promise<unknown[]> {
  const { stdout } = await project.run([
    'list',
    '--keys',
    '--store',
    `zookeeper://${servers}/`,
    '--prefix',
    root.slice(1),
  ])
  return jsonLines(stdout)
}

test('measures both clients on the ensemble, and leaves nothing behind', async () => {
  const args = ['bench', '--keys', '100', '--rounds', '1', '--milliseconds', '50']
  const { code, stdout } = await project.run(args, { env })
  expect(code).toBe(0)
  const rate = expect.any(Number)
  expect(jsonLines(stdout)).toEqual(
    ['read', 'write', 'process loop'].map(work => ({
      work,
      rxkeeper: rate,
      'node-zookeeper-client': rate,
      ratio: rate,
    })),
  )
  expect(await leftBehind()).toEqual([])
})

test('interrupted it leaves nothing behind, either', async () => {
  const child = project.start(['bench', '--keys', '2000', '--milliseconds', '60000'], env)
  while ((await leftBehind()).length === 0) {}
  child.kill('SIGINT')
  expect((await outcomeOf(child)).code).toBe(130)
  expect(await leftBehind()).toEqual([])
})

test('on a terminal it shows the ratios', async () => {
  const { code, stdout } = await project.onTerminal(
    ['bench', '--keys', '50', '--rounds', '1', '--milliseconds', '20'],
    { ...env, NO_COLOR: '1' },
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(/process loop +[\d,]+\/s node-zookeeper-client +[\d,]+\/s +[\d.]+ ×/)
})
