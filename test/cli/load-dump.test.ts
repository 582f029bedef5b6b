import { existsSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject, outcomeOf } from './project.ts'

const project = newProject()

const linesOf = (count: number, of: (i: number) => unknown): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ key: `key ${i}`, value: of(i) })).join('\n')

const countIn = async (store: string): Promise<number> =>
  Number((await project.shell('rxkeeper list --keys | wc -l', { RXKEEPER_STORE: store })).stdout)

test('what was dumped is loaded again without loss, from LMDB to ZooKeeper and back', async () => {
  const from = 'lmdb:from'
  const ensemble = `zookeeper://${servers}${freshRoot('dump')}`
  const values = [{ a: [1, null] }, 'é\n\u2028', 0, '', [], 1e21]
  project.write('values.ndjson', `${linesOf(2_000, i => values[i % values.length])}\n\n`)
  expect(await project.run(['load', 'values.ndjson', '--store', from])).toEqual({
    code: 0,
    stdout: '{"loaded":2000}\n',
    stderr: '',
  })
  await project.run(['put', 'bytes', '--bytes', '--store', from], { input: Buffer.from([0, 255]) })
  expect(await project.run(['dump', 'from.ndjson', '--store', from])).toMatchObject({
    code: 0,
    stdout: '{"dumped":2001}\n',
  })
  expect(existsSync(project.path('from.ndjson.part'))).toBe(false)
  expect(await project.run(['load', 'from.ndjson', '--store', ensemble])).toMatchObject({ code: 0 })
  const { code, stdout } = await project.run(['dump', '--store', ensemble])
  expect(code).toBe(0)
  expect(stdout).toBe(project.read('from.ndjson'))
  expect(jsonLines(stdout)).toContainEqual({ key: 'bytes', base64: 'AP8=', version: 0 })
})

test('values near the size limit of ZooKeeper are loaded, too', async () => {
  const store = `zookeeper://${servers}${freshRoot('large')}`
  project.write(
    'large.ndjson',
    linesOf(12, () => 'x'.repeat(300_000)),
  )
  expect(await project.run(['load', 'large.ndjson', '--store', store])).toMatchObject({ code: 0 })
  expect(await countIn(store)).toBe(12)
})

test.each([
  ['torn', '{"key": "a", "val', 'SyntaxError'],
  ['without a key', '{"value": 1}', 'there is no "key"'],
  ['without a value', '{"key": "a"}', 'neither `value` nor `base64`'],
  ['with bytes that are none', '{"key": "a", "value": 5, "base64": null}', '`base64` is not a string'],
  ['with a bad key', '{"key": "", "value": 1}', 'must not be empty'],
])('a line that is %s is named, and what is before it is loaded', async (name, line, reason) => {
  const store = `lmdb:bad-${name.replaceAll(' ', '-')}`
  project.write('bad.ndjson', `${linesOf(10, i => i)}\n${line}\n`)
  const { code, stdout, stderr } = await project.run(['load', 'bad.ndjson', '--batch', '4', '--store', store])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^stopped: lines 1 to 8 are loaded\nrxkeeper: bad\.ndjson:11: /)
  if (reason !== 'SyntaxError') expect(stderr).toMatch(reason)
  expect(await countIn(store)).toBe(8)
})

test('a load that was killed goes on where it was, and one of another file does not', async () => {
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('resume')}` }
  const count = 20_000
  project.write(
    'many.ndjson',
    linesOf(count, () => 'x'.repeat(100)),
  )
  const args = ['load', 'many.ndjson', '--resume', '--batch', '50']
  const bookmark = project.path('many.ndjson.resume')
  const child = project.start(args, env)
  const killer = setInterval(() => {
    if (existsSync(bookmark) && statSync(bookmark).mtimeMs > 0) child.kill('SIGKILL')
  }, 5)
  await outcomeOf(child)
  clearInterval(killer)
  const { number } = JSON.parse(project.read('many.ndjson.resume')) as { number: number }
  expect(number).toBeGreaterThan(0)
  expect(number).toBeLessThan(count)
  const other = await project.run(args, { env: { RXKEEPER_STORE: 'lmdb:elsewhere' } })
  expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching('into another store') })
  const { code, stdout } = await project.run(args, { env })
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toEqual([{ loaded: count - number }])
  expect(await countIn(env.RXKEEPER_STORE)).toBe(count)
  expect(existsSync(bookmark)).toBe(false)
})

test('an interrupted load finishes its batch: every batch is there whole or not at all', async () => {
  const env = { RXKEEPER_STORE: 'lmdb:interrupted' }
  const child = project.start(['load', '--batch', '7'], env)
  const lines = linesOf(70, i => i).split('\n')
  child.stdin.write(`${lines.slice(0, 30).join('\n')}\n`)
  while ((await countIn(env.RXKEEPER_STORE)) < 28) {}
  child.kill('SIGINT')
  const { code, stderr } = await outcomeOf(child)
  expect({ code, stderr }).toEqual({ code: 130, stderr: 'stopped: lines 1 to 28 are loaded\n' })
  expect(await countIn(env.RXKEEPER_STORE)).toBe(28)
})

test('an interrupted dump leaves the old file, and is gone on with', async () => {
  const env = { RXKEEPER_STORE: 'lmdb:large-dump' }
  await project.run(['load'], { env, input: linesOf(3_000, i => i) })
  const whole = (await project.run(['dump'], { env })).stdout
  project.write('state.ndjson', 'old')
  // As left by an interruption, the last line torn.
  project.write('state.ndjson.part', whole.slice(0, whole.length >> 1))
  expect(project.read('state.ndjson')).toBe('old')
  const { code, stdout } = await project.run(['dump', 'state.ndjson', '--resume'], { env })
  expect(code).toBe(0)
  expect(project.read('state.ndjson')).toBe(whole)
  expect((jsonLines(stdout)[0] as { dumped: number }).dumped).toBeLessThan(1_600)
  expect(await project.run(['dump', 'nowhere/state.ndjson'], { env })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/ENOENT.*nowhere\/state\.ndjson\.part/),
  })
})

test('on a terminal a bar shows how far it is', async () => {
  project.write(
    'bar.ndjson',
    linesOf(3_000, i => i),
  )
  const { code, stdout } = await project.onTerminal(['load', 'bar.ndjson', '--store', 'lmdb:bar'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/\d+%.*entries/)
  expect(stdout).toMatch('loaded 3,000 entries')
})

test('numbers that no double holds stay what they are, and values as they were written are dumped and loaded so', async () => {
  const [from, to] = ['lmdb:exact-from', 'lmdb:exact-to']
  await project.run(['put', 'a', '{"id": 9007199254740993}', '--store', from])
  expect((await project.run(['get', 'a', '--raw', '--store', from])).stdout).toBe('{"id":9007199254740993}')
  expect((await project.run(['get', 'a', '--store', from])).stdout).toMatch('"value":{"id":9007199254740993}')
  expect((await project.onTerminal(['get', 'a', '--store', from])).stdout).toMatch('"id": 9007199254740993')
  const written = [
    '{"id":9007199254740993,"x":1e400}',
    ' {\n "spread": 1.0\n}\n',
    '{"a": 1, "a": 2}',
    '"\u009b\\/"',
  ]
  for (const [i, value] of written.entries()) {
    await project.run(['put', `written ${i}`, '--bytes', '--store', from], { input: value })
  }
  await project.shell(`rxkeeper dump --store ${from} | rxkeeper load --store ${to}`)
  for (const [i, value] of written.entries()) {
    expect((await project.run(['get', `written ${i}`, '--raw', '--store', to])).stdout).toBe(value)
  }
})

test('a line without an end is an error with its number, not the end of the memory', async () => {
  const endless = (command: string) =>
    project.shell(
      `{ echo '{"key":"a","value":1}'; head -c 300000000 /dev/zero | tr '\\0' x; } | rxkeeper ${command}`,
    )
  expect(await endless('load --store lmdb:endless')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^rxkeeper: stdin:2: the line is longer than 64 MiB\n$/),
  })
  expect(await endless('put a --store lmdb:endless')).toMatchObject({
    code: 1,
    stderr: 'rxkeeper: stdin: more than 256 MiB cannot be read as one value\n',
  })
})

test('a savepoint takes positions along, which a dump does not', async () => {
  const node = {
    node: ['positions', 'visits'],
    ensemble: 0,
    of: 1,
    base64: btoa('{"position":7,"records":7}'),
  }
  const lines = [{ key: 'alice', value: 7, version: 0 }, node].map(line => JSON.stringify(line)).join('\n')
  const ensemble = `zookeeper://${servers}${freshRoot('savepoint')}`
  const loaded = await project.run(['load', '--store', 'lmdb:savepoint'], { input: lines })
  expect(loaded).toMatchObject({ code: 0, stdout: '{"loaded":1}\n' })
  const args = ['dump', '--savepoint', 'savepoint.ndjson', '--store', 'lmdb:savepoint']
  expect(await project.run(args)).toEqual({ code: 0, stdout: '{"dumped":1}\n', stderr: '' })
  expect(await project.run(['load', 'savepoint.ndjson', '--store', ensemble])).toMatchObject({ code: 0 })
  const again = await project.run(['dump', '--savepoint', '--store', ensemble])
  expect(again).toMatchObject({ code: 0, stderr: '' })
  const folder = { node: ['positions'], ensemble: 0, of: 1, base64: '' }
  expect(jsonLines(again.stdout)).toEqual([{ key: 'alice', value: 7, version: 0 }, folder, node])
  const plain = await project.run(['dump', '--store', ensemble])
  expect(jsonLines(plain.stdout)).toEqual([{ key: 'alice', value: 7, version: 0 }])
  const bad = await project.run(['load', '--store', 'lmdb:bad'], { input: '{"node":"x"}' })
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining('`node` is no list of names') })
})
