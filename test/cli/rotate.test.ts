import { randomBytes } from 'node:crypto'
import { firstValueFrom, from, lastValueFrom, toArray } from 'rxjs'
import { bytes, encrypted, json, openStore, updateKV } from 'rxkeeper'
import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject, outcomeOf } from './project.ts'

const project = newProject()
const keys = { k1: randomBytes(32), k2: randomBytes(32) }

/** A module that exports a codec with some of the keys, from the environment. */
const moduleOf = (name: string, codec: string, current: string, ids: readonly string[]): string =>
  project.write(
    name,
    `import { bytes, encrypted, json } from 'rxkeeper'
const keys = Object.fromEntries(${JSON.stringify(ids)}.map(id => [id, Buffer.from(process.env[id], 'hex')]))
export default encrypted(${codec}, { keys, current: '${current}' })
`,
  )

const environment = (root: string): Record<string, string> => ({
  RXKEEPER_STORE: `zookeeper://${servers}${root}`,
  k1: keys.k1.toString('hex'),
  k2: keys.k2.toString('hex'),
})

test('values are shown and put with a codec; without it, as they are stored, and dumped and loaded so', async () => {
  const env = environment(freshRoot('codec'))
  const codec = moduleOf('k1.js', 'bytes', 'k1', ['k1'])
  expect((await project.run(['put', 'ann', '{"salary":5000}', '--codec', codec], { env })).code).toBe(0)
  const get = (...more: string[]) => project.run(['get', 'ann', '--json', ...more], { env })
  expect(jsonLines((await get('--codec', codec)).stdout)).toEqual([
    { key: 'ann', value: { salary: 5000 }, version: 0 },
  ])
  expect((await get()).stdout).toMatch(/"base64":"\/nJ4ZQ/)
  expect((await project.run(['dump', 'ann.ndjson'], { env })).code).toBe(0)
  expect(project.read('ann.ndjson')).not.toContain('5000')
  const other = { ...env, RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('loaded')}` }
  expect((await project.run(['load', 'ann.ndjson'], { env: other })).code).toBe(0)
  expect((await project.run(['list', '--codec', codec], { env: other })).stdout).toContain('5000')
  const wrong = moduleOf('k2.js', 'bytes', 'k2', ['k2'])
  const refused = await get('--codec', wrong)
  expect([refused.code, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toContain(
    'could not be decoded: it is encrypted under the key "k1", which is not known',
  )
  expect((await get('--codec', moduleOf('json.js', 'json()', 'k1', ['k1']))).stderr).toContain('are no bytes')
})

test.each([
  ['nowhere.js', 'there is no module nowhere.js'],
  ['plain.js', 'plain.js exports no codec'],
])('a module %s is wrong usage', async (module, message) => {
  const { code, stderr } = await project.run(['rotate', module, '--store', 'memory:'])
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
})

test('keys are rotated under load, also where that is killed again and again', {
  timeout: 120_000,
}, async () => {
  const root = freshRoot('rotate')
  const env = environment(root)
  const count = 4_000
  const url = env.RXKEEPER_STORE
  const under = (current: 'k1' | 'k2') => encrypted(json<number>(), { keys, current })
  await using store = openStore(url, { value: under('k2') })
  await using raw = openStore(url, { value: bytes })
  await using old = openStore(url, { value: under('k1') })
  const all = Array.from({ length: count }, (_, i) => i)
  await Promise.all(all.map(i => firstValueFrom(old.put$(`key ${i}`, 0))))
  const rotated = async (): Promise<number> => {
    const entries = await lastValueFrom(raw.entries$().pipe(toArray()))
    return entries.filter(({ value }) => Buffer.from(value).includes('k2')).length
  }
  const module = moduleOf('rotate.js', 'json()', 'k2', ['k1', 'k2'])
  let writes = 0
  let writing = true
  const load = (async () => {
    while (writing) {
      const some = all.slice(writes % count, (writes % count) + 50)
      await lastValueFrom(from(some).pipe(updateKV(store, i => `key ${i}`, (_, n = 0) => n + 1))) // biome-ignore format: a pipe
      writes += 50
    }
  })()
  for (let round = 0; round < 3; round++) {
    const child = project.start(['rotate', module], env)
    const before = await rotated()
    await expect
      .poll(async () => child.exitCode !== null || (await rotated()) > before, { timeout: 60_000 })
      .toBe(true)
    child.kill('SIGKILL')
    await outcomeOf(child)
  }
  const { code, stdout, stderr } = await project.run(['rotate', module], { env })
  expect([code, stderr]).toEqual([0, ''])
  expect(jsonLines(stdout)).toEqual([
    { rotated: expect.any(Number), seen: count, passes: expect.any(Number) },
  ])
  writing = false
  await load
  expect(await rotated()).toBe(count)
  await using afterwards = openStore(url, {
    value: encrypted(json<number>(), { keys: { k2: keys.k2 }, current: 'k2' }),
  })
  const entries = await lastValueFrom(afterwards.entries$().pipe(toArray()))
  expect(entries.reduce((sum, { value }) => sum + value, 0)).toBe(writes)
})

test('what is done is shown on a terminal', async () => {
  const env = environment(freshRoot('terminal'))
  const module = moduleOf('terminal.js', 'bytes', 'k1', ['k1'])
  await project.run(['put', 'a', '1', '--codec', module], { env })
  const next = moduleOf('next.js', 'bytes', 'k2', ['k1', 'k2'])
  const { code, stdout } = await project.onTerminal(['rotate', next], env)
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining('rotated 1 value; all 1 are in the newest form'),
  ])
})
