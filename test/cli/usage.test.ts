import { afterEach, expect, test, vi } from 'vitest'
import { main } from '../../src/cli/program.ts'

/** Runs a command line in this process, which takes a tenth of the time. */
async function run(
  ...args: string[]
): Promise<{ code: typeof process.exitCode; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((chunk, ...rest) => {
      said[name] += chunk
      const done = rest.find(each => typeof each === 'function')
      if (done !== undefined) queueMicrotask(done as () => void)
      return true
    })
  }
  process.exitCode = undefined
  await main(args)
  const code = process.exitCode
  process.exitCode = undefined
  vi.restoreAllMocks()
  return { code, ...said }
}

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

test.each([
  [[], 'Usage: rxkeeper'],
  [['frobnicate'], "unknown command 'frobnicate'"],
  [['get'], "missing required argument 'key'"],
  [['get', 'a', '--frobnicate'], "unknown option '--frobnicate'"],
  [['get', 'a', '--store', 'redis://h'], 'redis://h is no URL of a store'],
  [['get', 'a', '--store', ''], 'RXKEEPER_STORE'],
  [['get', '', '--store', 'memory:'], 'must not be empty'],
  [['get', 'a', '--text', '--bytes', '--store', 'memory:'], 'cannot be used with'],
  [['get', 'a', '--timeout', 'soon', '--store', 'memory:'], 'whole number of at least 1'],
  [['put', 'a', 'hello', '--store', 'memory:'], 'a string needs quotes, or --text'],
  [['put', 'a', '!', '--bytes', '--store', 'memory:'], 'not base64'],
  [['put', 'a', '1', '--if-version', 'x', '--store', 'memory:'], "a version, or 'absent'"],
  [['put', 'a', '1', '--if-version', '-1', '--store', 'memory:'], 'must be a version'],
  [['delete', 'a', '--if-version', '-1', '--store', 'memory:'], 'must be a version'],
  [['watch', '--store', 'memory:'], 'watch a key, or all with a --prefix'],
  [['watch', 'a', '--prefix', 'b', '--store', 'memory:'], 'watch a key, or all with a --prefix'],
  [['load', '/nowhere.ndjson', '--store', 'memory:'], 'cannot read /nowhere.ndjson'],
  [['load', '-', '--resume', '--store', 'memory:'], 'stdin cannot be resumed'],
  [['bench', '--store', 'memory:'], 'memory: is no ensemble'],
  [['process', '/nowhere.ts'], 'there is no module /nowhere.ts'],
])('wrong usage exits with 2 and says what is wrong: %j', async (args, message) => {
  const { code, stdout, stderr } = await run(...args)
  expect(stderr).toMatch(message)
  expect(stderr).not.toMatch(/^ {4}at /m)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})

test('every command explains itself, with examples', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toMatch(/Exit codes:\n +0 done .*3 not found/)
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) .*\[options\]/gm)].map(([, name]) => name!)
  expect(commands).toEqual(
    expect.arrayContaining(['process', 'get', 'put', 'watch', 'load', 'dump', 'bench']),
  )
  for (const command of commands) {
    const help = await run(command, '--help')
    expect(help.code).toBe(0)
    expect(help.stdout).toMatch(/Examples:\n {2}\$ .*rxkeeper/)
  }
})
