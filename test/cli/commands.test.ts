import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject, outcomeOf } from './project.ts'

const project = newProject()

test('on ZooKeeper: put, get, conditions, list, watch, delete', async () => {
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('cli')}` }
  const run = (...args: string[]) => project.run(args, { env })
  expect(await run('put', 'alice', '{"visits": 1}', '--if-version', 'absent')).toEqual({
    code: 0,
    stdout: '{"key":"alice","version":0}\n',
    stderr: '',
  })
  const child = project.start(['watch', '--prefix', 'al'], env)
  let output = ''
  child.stdout.on('data', async (chunk: Buffer) => {
    output += chunk
    if (output.endsWith('{"type":"synced"}\n')) await run('put', 'alice', '2', '--if-version', '0')
    else if (output.includes('delete')) child.kill('SIGTERM')
    else if (output.includes('"version":1')) await run('delete', 'alice')
  })
  expect(await outcomeOf(child)).toMatchObject({ code: 143, stderr: '' })
  expect(jsonLines(output)).toEqual([
    { type: 'put', key: 'alice', value: { visits: 1 }, version: 0 },
    { type: 'synced' },
    { type: 'put', key: 'alice', value: 2, version: 1 },
    { type: 'delete', key: 'alice' },
  ])
  expect(await run('get', 'alice')).toEqual({ code: 3, stdout: '', stderr: 'rxkeeper: no such key: alice\n' })
})

describe('on LMDB', () => {
  const env = { RXKEEPER_STORE: 'lmdb:commands-state' }
  const run = (...args: string[]) => project.run(args, { env })

  test('put, get and delete, and what is not there: 3', async () => {
    expect(await run('put', 'alice', '{"visits": 1}')).toMatchObject({ code: 0 })
    expect(await run('get', 'alice')).toEqual({
      code: 0,
      stdout: '{"key":"alice","value":{"visits":1},"version":0}\n',
      stderr: '',
    })
    expect(await run('get', 'alice', '--raw')).toMatchObject({ code: 0, stdout: '{"visits":1}' })
    expect(await run('delete', 'nobody', 'alice')).toEqual({
      code: 3,
      stdout: '{"key":"nobody","deleted":false}\n{"key":"alice","deleted":true}\n',
      stderr: 'rxkeeper: no such key: nobody\n',
    })
  })

  test('a condition that does not hold: 4', async () => {
    expect(await run('put', 'counter', '1', '--if-version', '0')).toMatchObject({ code: 4, stdout: '' })
    expect(await run('put', 'counter', '2', '--if-version', 'absent')).toMatchObject({ code: 0 })
    expect(await run('delete', 'counter', '--if-version', '1')).toMatchObject({ code: 4 })
    expect(await run('delete', 'counter', '--if-version', '0')).toMatchObject({ code: 0 })
  })

  test('text and bytes, as arguments and through pipes', async () => {
    await run('put', 'greeting', 'Guten Morgen ✓', '--text')
    expect(await run('get', 'greeting', '--raw')).toMatchObject({ stdout: 'Guten Morgen ✓' })
    expect(jsonLines((await run('get', 'greeting', '--text')).stdout)).toEqual([
      { key: 'greeting', value: 'Guten Morgen ✓', version: 0 },
    ])
    await project.run(['put', 'photo', '--bytes'], { env, input: Buffer.from([0, 255, 10, 128]) })
    expect(jsonLines((await run('get', 'photo', '--bytes')).stdout)).toEqual([
      { key: 'photo', base64: 'AP8KgA==', version: 0 },
    ])
    await run('put', 'photo', 'AQL/', '--bytes')
    expect((await project.shell('rxkeeper get photo --raw | base64', env)).stdout).toBe('AQL/\n')
    // What is not JSON is shown without loss, not refused.
    expect(jsonLines((await run('get', 'photo')).stdout)).toEqual([
      { key: 'photo', base64: 'AQL/', version: 1 },
    ])
  })

  test('list: ranges, order, keys alone', async () => {
    const input = ['a1', 'a2', 'b1', 'b2'].map(key => JSON.stringify({ key, value: key })).join('\n')
    const lists = { RXKEEPER_STORE: 'lmdb:list-state' }
    await project.run(['load'], { env: lists, input })
    const list = async (...args: string[]) =>
      jsonLines((await project.run(['list', ...args], { env: lists })).stdout)
    expect(await list('--prefix', 'a', '--keys')).toEqual([{ key: 'a1' }, { key: 'a2' }])
    expect(await list('--from', 'a2', '--to', 'b2', '--reverse', '--limit', '1')).toEqual([
      { key: 'b1', value: 'b1', version: 0 },
    ])
  })

  test('watch shows a key and its changes until it is interrupted: 130', async () => {
    await run('put', 'watched', '1')
    const child = project.start(['watch', 'watched'], env)
    const lines: string[] = []
    let rest = ''
    // What is done after each line; a second signal would end it at once.
    const next = [
      () => run('put', 'watched', '2'),
      () => run('delete', 'watched'),
      () => child.kill('SIGINT'),
    ]
    child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop()!
      for (const line of parts) {
        lines.push(line)
        void next.shift()?.()
      }
    })
    expect(await outcomeOf(child)).toMatchObject({ code: 130, stderr: '' })
    expect(lines).toEqual([
      '{"type":"put","key":"watched","value":1}',
      '{"type":"put","key":"watched","value":2}',
      '{"type":"delete","key":"watched"}',
    ])
  })
})

test('no server: 5, within the time given, with the address', async () => {
  const { code, stderr } = await project.run([
    'get',
    'a',
    '--store',
    'zookeeper://127.0.0.1:1/x',
    '--timeout',
    '200',
  ])
  expect(code).toBe(5)
  expect(stderr).toMatch(/127\.0\.0\.1:1.*ECONNREFUSED/)
  expect(stderr.split('\n')).toHaveLength(2)
})

describe('on a terminal', () => {
  const env = { RXKEEPER_STORE: 'lmdb:terminal-state' }

  test('output is for people, in colours unless NO_COLOR', async () => {
    expect((await project.onTerminal(['put', 'alice', '{"visits":1}'], env)).stdout).toMatch(
      /alice .*version 0/,
    )
    expect((await project.onTerminal(['get', 'alice'], env)).stdout).toBe('{\r\n  "visits": 1\r\n}\r\n')
    expect((await project.onTerminal(['list'], env)).stdout).toBe(
      '\x1b[36malice\x1b[39m  {"visits":1}  \x1b[2mv0\x1b[22m\r\n',
    )
    expect((await project.onTerminal(['list'], { ...env, NO_COLOR: '1' })).stdout).toBe(
      'alice  {"visits":1}  v0\r\n',
    )
    expect((await project.onTerminal(['list', '--json'], env)).stdout).toBe(
      '{"key":"alice","value":{"visits":1},"version":0}\r\n',
    )
  })

  test('no value and no key can command the terminal', async () => {
    await project.run(['put', 'evil\x1b[2J', 'a\x1b]0;title\x07', '--text'], { env })
    const { stdout } = await project.onTerminal(['list', '--text', '--prefix', 'evil'], {
      ...env,
      NO_COLOR: '1',
    })
    expect(stdout).toBe('evil\\u001b[2J  a\\u001b]0;title\\u0007  v0\r\n')
    await project.run(['put', 'worse\x9b2J\x7f', '"\x9b31m"'], { env })
    const worse = async (...args: string[]): Promise<string> =>
      (await project.onTerminal([...args, '--prefix', 'worse'], { ...env, NO_COLOR: '1' })).stdout
    expect(await worse('list')).toBe('worse\\u009b2J\\u007f  "\\u009b31m"  v0\r\n')
    const line = '{"key":"worse\\u009b2J\\u007f","value":"\\u009b31m","version":0}\r\n'
    expect(await worse('list', '--json')).toBe(line)
    expect(await worse('dump')).toBe(
      '{"key":"worse\\u009b2J\\u007f","base64":"IsKbMzFtIg==","version":0}\r\n',
    )
    const missing = await project.run(['get', 'none\x9b2J'], { env })
    expect(missing.stderr).toBe('rxkeeper: no such key: none\\u009b2J\n')
    const torn = await project.run(['load'], { env, input: '\x9b2J' })
    expect(torn.stderr).not.toMatch('\x9b')
    expect(torn.code).toBe(1)
  })
})

test('put waits for stdin no longer than until it is interrupted', async () => {
  const child = project.start(['put', 'a', '--store', 'lmdb:put-state', '--json'])
  // More than fits between the two: when all is written, the command reads.
  await new Promise(resolve => child.stdin.write(' '.repeat(2_000_000), resolve))
  child.kill('SIGINT')
  expect(await outcomeOf(child)).toMatchObject({ code: 130, stdout: '' })
  expect((await project.run(['get', 'a', '--store', 'lmdb:put-state'])).code).toBe(3)
})

test('monitor serves its page until it is interrupted', async () => {
  const child = project.start(['monitor', '--port', '0', '--store', 'lmdb:monitor-state'])
  const [line] = await once(child.stdout, 'data')
  const { url } = JSON.parse(String(line)) as { url: string }
  expect((await fetch(url)).status).toBe(200)
  child.kill('SIGINT')
  expect(await outcomeOf(child)).toMatchObject({ code: 130, stderr: '' })
})

test('a closed pipe is no error', async () => {
  const env = { RXKEEPER_STORE: 'lmdb:pipe-state' }
  const lines = Array.from({ length: 5_000 }, (_, i) =>
    JSON.stringify({ key: `key ${i}`, value: 'x'.repeat(100) }),
  )
  await project.run(['load'], { env, input: lines.join('\n') })
  for (const command of ['list', 'dump', 'list --help', 'watch --prefix key']) {
    const { stdout, stderr } = await project.shell(
      `rxkeeper ${command} | head -n 1; echo "\${PIPESTATUS[0]}"`,
      env,
    )
    expect(stderr).toBe('')
    expect(stdout.split('\n')).toEqual([expect.anything(), '0', ''])
  }
})

test('a full disk behind stdout is said in a line, and fails', async () => {
  const env = { RXKEEPER_STORE: 'lmdb:full-state' }
  await project.run(['put', 'a', '1'], { env })
  for (const command of [
    'dump',
    'list',
    'get a',
    'get a --raw',
    'put b 1',
    'watch a',
    '--help',
    'list --help',
  ]) {
    const { code, stderr } = await project.shell(`rxkeeper ${command} > /dev/full`, env)
    expect([command, code, stderr]).toEqual([command, 1, expect.stringMatching(/^rxkeeper: .*ENOSPC.*\n$/)])
  }
  expect((await project.shell('rxkeeper get nobody 2> /dev/full', env)).code).toBe(3)
})

test('a password is seen neither by ps nor in messages', async () => {
  const root = freshRoot('secret')
  const child = project.start(['watch', 'a', '--store', `zookeeper://alice:topsecret@${servers}${root}`])
  await new Promise(resolve => child.stdout.once('data', resolve))
  const title = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')
  expect(title).toMatch('rxkeeper')
  expect(title).not.toMatch('topsecret')
  child.kill('SIGINT')
  expect((await outcomeOf(child)).code).toBe(130)
  const refused = await project.run(['get', 'a', '--store', `zookeeper://alice:topsecret/@${servers}${root}`])
  expect(refused.code).toBe(2)
  expect(refused.stderr).not.toMatch('topsecret')
  const unencoded = await project.run([
    'get',
    'a',
    '--store',
    `zookeeper://bob:12/abc?topsecret@${servers}/r`,
  ])
  expect(unencoded.code).toBe(2)
  expect(unencoded.stderr).not.toMatch(/topsecret|abc/)
  const env = { RXKEEPER_STORE: `zookeeper://alice@${servers}${root}`, RXKEEPER_PASSWORD: 'topsecret' }
  expect(await project.run(['put', 'a', '1'], { env })).toMatchObject({ code: 0 })
  const stranger = { ...env, RXKEEPER_PASSWORD: 'guess' }
  expect(await project.run(['get', 'a'], { env: stranger })).toMatchObject({ code: 1 })
})

test('it runs from its source, too', () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
  const args = ['--conditions=rxkeeper-source', '--import', 'tsx', main, 'list', '--store', 'memory:']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})
