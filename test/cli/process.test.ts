import { readFileSync, renameSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject, outcomeOf } from './project.ts'

const project = newProject()

const visits = (...users: string[]): string => users.map(user => JSON.stringify({ user })).join('\n')

test('a TypeScript job counts what stdin has into ZooKeeper, and says so', async () => {
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('process')}` }
  const args = ['process', 'count-visits.ts']
  const { code, stdout, stderr } = await project.run(args, { env, input: visits('alice', 'bob', 'alice') })
  expect(jsonLines(stdout)).toEqual([
    [{ user: 'alice' }, 1],
    [{ user: 'bob' }, 1],
    [{ user: 'alice' }, 2],
  ])
  expect(stderr).toMatch(/^count-visits: 3 records in .* latency .*p99 .* availability [\d.]+ %\n$/)
  expect(code).toBe(0)
  expect((await project.run(['get', 'alice', '--raw'], { env })).stdout).toBe('2')
})

test('the job of the README counts real flights', async () => {
  const flights = fileURLToPath(
    new URL('../../node_modules/vega-datasets/data/flights-20k.json', import.meta.url),
  )
  const job = fileURLToPath(new URL('../../examples/airports.ts', import.meta.url))
  project.write('airports.ts', readFileSync(job, 'utf8'))
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('process')}` }
  const args = ['process', 'airports.ts', '--input', flights, '--output', 'none', '--publish']
  expect(await project.run(args, { env })).toMatchObject({ code: 0, stdout: '' })
  const expected = new Map<string, { flights: number; late: number }>()
  for (const { origin, delay } of JSON.parse(readFileSync(flights, 'utf8'))) {
    const { flights, late } = expected.get(origin) ?? { flights: 0, late: 0 }
    expected.set(origin, { flights: flights + 1, late: late + (delay > 15 ? 1 : 0) })
  }
  const { stdout } = await project.run(['list', '--prefix', 'S', '--json'], { env })
  const stored = (jsonLines(stdout) as { key: string; value: unknown }[]).map(({ key, value }) => [
    key,
    value,
  ])
  expect(stored).toEqual([...expected].filter(([airport]) => airport.startsWith('S')).sort())
})

test.each([
  ['visits.ndjson', visits('a', 'b', 'a'), []],
  ['visits.jsonl', `${visits('a', 'b', 'a')}\r\n\r\n`, []],
  ['visits.json', '[{"user": "a"}, {"user": "b"}, {"user": "a"}]', []],
  ['visits.csv', 'user,page\na,1\n"b",2\na,3\n', []],
  ['visits.txt', visits('a', 'b', 'a'), ['--input-format', 'ndjson']],
])('a JavaScript job reads %s and writes a file', async (input, content, options) => {
  project.write(input, content)
  const args = ['process', './plain.js', '-i', input, '-o', 'counts.ndjson', '--store', 'memory:', ...options]
  expect(await project.run(args)).toMatchObject({ code: 0, stdout: '' })
  expect(jsonLines(project.read('counts.ndjson'))).toEqual([
    { user: 'a', count: 1 },
    { user: 'b', count: 1 },
    { user: 'a', count: 2 },
  ])
})

test('config comes from a file and the environment, and what is wrong with it is named', async () => {
  project.write('config.json', '{ "step": 5, "prefix": "file" }')
  const env = { CONFIGURED_JOB_STEP: '7' }
  expect(await project.run(['process', 'configured.js', '--config', 'config.json'])).toMatchObject({
    stdout: '5\n',
  })
  expect(await project.run(['process', 'configured.js'], { env })).toMatchObject({ stdout: '"7"\n' })
  expect(await project.run(['process', 'configured.js', '--config', 'nowhere.json'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^rxkeeper: cannot read the config file nowhere\.json: ENOENT/),
  })
})

test('what cannot be read or processed fails the job, with its line, or goes to the dead letters', async () => {
  project.write('mixed.ndjson', `${visits('a')}\n{"user": 5}\n{"user"\n${visits('b')}\n`)
  const args = ['process', 'plain.js', '-i', 'mixed.ndjson', '--store', 'memory:']
  const failed = await project.run(args)
  expect(failed.code).toBe(1)
  expect(jsonLines(failed.stdout)).toEqual([{ user: 'a', count: 1 }])
  expect(failed.stderr).toMatch(/^rxkeeper: a key must be a string, got number\n$/)
  project.write('torn.ndjson', `${visits('a')}\n{"user"\n`)
  expect(await project.run(['process', 'plain.js', '-i', 'torn.ndjson', '--store', 'memory:'])).toMatchObject(
    {
      code: 1,
      stderr: expect.stringMatching(/^rxkeeper: torn\.ndjson:2: /),
    },
  )
  const { code, stdout, stderr } = await project.run([...args, '--dead-letter', 'dead.ndjson'])
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toHaveLength(2)
  expect(stderr).toMatch(/, 1 dead letter, 1 line unreadable\n$/)
  expect(jsonLines(project.read('dead.ndjson'))).toEqual(
    expect.arrayContaining([
      { record: { user: 5 }, error: { code: 'INVALID_KEY', message: 'a key must be a string, got number' } },
      { text: '{"user"', error: { message: expect.stringMatching(/^mixed\.ndjson:3: /) } },
    ]),
  )
})

test('what is no record of CSV goes to the dead letters with its line', async () => {
  project.write('mixed.csv', 'user,page\na,1\nb\n"c"d,2\ne,"3"\n')
  const args = ['process', 'plain.js', '-i', 'mixed.csv', '--store', 'memory:']
  const { code, stdout } = await project.run([...args, '--dead-letter', 'dead-csv.ndjson'])
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toEqual(['a', 'e'].map(user => ({ user, count: 1 })))
  expect(jsonLines(project.read('dead-csv.ndjson'))).toEqual([
    {
      text: 'b',
      error: { message: 'mixed.csv:3: the number of fields is 1, not 2 as in the first record' },
    },
    {
      text: '"c"d,2',
      error: { message: 'mixed.csv:4: field 1 goes on after the quote that ends it' },
    },
  ])
  expect(await project.run(args)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^rxkeeper: mixed\.csv:3: /),
  })
})

test('an input that is not there is said in a line, and no output is begun', async () => {
  project.write('kept.ndjson', 'kept')
  const args = ['process', 'plain.js', '-i', 'none.ndjson', '-o', 'kept.ndjson', '--store', 'memory:']
  expect(await project.run(args)).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^rxkeeper: cannot read none\.ndjson: ENOENT.*\n$/),
  })
  expect(project.read('kept.ndjson')).toBe('kept')
})

test('interrupted it finishes what is in flight; every output has its write: 130', async () => {
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${freshRoot('interrupt')}` }
  const child = project.start(['process', 'slow.js'], env)
  child.stdout.once('data', () => child.kill('SIGINT'))
  const { code, stdout, stderr } = await outcomeOf(child)
  expect(code).toBe(130)
  const ticks = jsonLines(stdout)
  expect(ticks).toEqual(ticks.map((_, i) => i))
  expect(stderr).toMatch(`slow: ${ticks.length} record`)
  const counts = jsonLines((await project.run(['list'], { env })).stdout) as { value: number }[]
  expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(ticks.length)
})

test('asked to end it ends in good order: 0; interrupted twice, at once', async () => {
  const env = { RXKEEPER_STORE: 'memory:' }
  const asked = project.start(['process', 'slow.js'], env)
  asked.stdout.once('data', () => asked.kill('SIGTERM'))
  expect((await outcomeOf(asked)).code).toBe(0)
  const stuck = project.start(['process', 'slow.js', '--json'], { ...env, SLOW: '1' })
  let said = ''
  stuck.stderr.on('data', (chunk: Buffer) => {
    said += chunk
    if (said.includes('"started"')) stuck.kill('SIGINT')
  })
  // The figures come every second, so that it is interrupted again after the first time.
  const { code, stdout } = await outcomeOf(stuck)
  expect(said).toMatch('"stopping"')
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
})

test('a closed pipe ends the job, without an error', async () => {
  const env = { RXKEEPER_STORE: 'lmdb:piped' }
  project.write('endless.sh', 'while echo \'{"user": "a"}\'; do :; done')
  const { stdout, stderr } = await project.shell(
    `bash endless.sh 2> /dev/null | rxkeeper process plain.js | head -n 1; echo "\${PIPESTATUS[1]}"`,
    env,
  )
  expect(stdout).toBe('{"user":"a","count":1}\n0\n')
  expect(stderr).toMatch(/^plain: [\d,]+ records/)
})

test.each([
  [
    'throws.js',
    "throw new Error('at home')",
    1,
    /^rxkeeper: cannot load throws\.js\nError: at home\n.*throws\.js:1/,
  ],
  ['empty.js', 'export default 5', 2, /exports no job: export default job\(/],
  ['broken.ts', 'export default {{', 1, /^rxkeeper: cannot load broken\.ts\n/],
])('a module that is no job: %s', async (name, content, exitCode, message) => {
  project.write(name, content)
  const { code, stderr } = await project.run(['process', name, '--store', 'memory:'])
  expect(code).toBe(exitCode)
  expect(stderr).toMatch(message)
})

test('TypeScript without tsx: what to do about it', async () => {
  const tsx = project.path('node_modules/tsx')
  renameSync(tsx, `${tsx}-hidden`)
  const run = await project.run(['process', 'count-visits.ts', '--store', 'memory:'], { input: visits('a') })
  renameSync(`${tsx}-hidden`, tsx)
  if ((process.features as { typescript?: unknown }).typescript) expect(run.code).toBe(0)
  else expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching('npm install --save-dev tsx') })
})

test('a transform that throws is shown with its place', async () => {
  project.write(
    'throwing.js',
    `import { job, json } from 'rxkeeper'
     export default job({ name: 't', value: json(), keyOf: () => 'k', transform() { return undefined.x } })`,
  )
  const { code, stderr } = await project.run(['process', 'throwing.js', '--store', 'memory:'], {
    input: visits('a'),
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^rxkeeper: `transform` threw: Cannot read properties of undefined.*\n +at .*throwing\.js:2:/,
  )
})
