import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NEVER } from 'rxjs'
import { job, json } from 'rxkeeper'
import { expect, onTestFinished, test } from 'vitest'

const program = fileURLToPath(new URL('programs/ticker.ts', import.meta.url))

/** Runs the program and tells `heard` of its lines; resolves with them and the exit code. */
async function run(outputTime: number, heard: (line: string, child: ChildProcess) => void) {
  const args = ['--conditions=rxkeeper-source', '--import', 'tsx', program, String(outputTime)]
  const child = spawn(process.execPath, args)
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.pipe(process.stderr)
  const closed = once(child, 'close')
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    heard(line, child)
  }
  const [code] = await closed
  return { lines, ticks: lines.filter(line => line.startsWith('tick')), code }
}

test.each([
  ['SIGINT' as const, 130],
  ['SIGTERM' as const, 0],
])('%s stops a program in good order', async (signal, exitCode) => {
  const { lines, ticks, code } = await run(1, (line, child) => {
    if (line === 'tick 3') child.kill(signal)
  })
  expect(code).toBe(exitCode)
  expect(lines).toContain(`stopping: ${signal}`)
  expect(ticks).toEqual(ticks.map((_, i) => `tick ${i}`))
  // Whatever was taken in was given out.
  const count = ticks.length
  expect(lines.at(-1)).toBe(JSON.stringify({ aborted: false, outputs: count, records: count }))
})

test('a second signal ends it at once', async () => {
  const { lines, ticks, code } = await run(1_000_000, (line, child) => {
    if (line === 'tick 0') child.kill('SIGTERM')
    // Within 250 ms of the first it would be none.
    if (line === 'stopping: SIGTERM') setTimeout(() => child.kill('SIGTERM'), 300)
  })
  expect(code).toBe(143)
  expect(ticks).toEqual(['tick 0'])
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ aborted: true, outputs: 0 })
})

test('the same signal right after the first is no second one', async () => {
  const { lines, ticks, code } = await run(20, (line, child) => {
    if (line === 'tick 0') child.kill('SIGINT')
    if (line === 'stopping: SIGINT') child.kill('SIGINT')
  })
  expect(code).toBe(130)
  const count = ticks.length
  expect(lines.at(-1)).toBe(JSON.stringify({ aborted: false, outputs: count, records: count }))
})

test('any number of runs have one listener, and none when they have ended', async () => {
  const before = process.listenerCount('SIGINT')
  const idle = job({
    name: 'idle',
    value: json<number>(),
    store: 'memory:',
    input: NEVER,
    keyOf: () => 'k',
    transform: () => 1,
  })
  const runs = Array.from({ length: 20 }, () => idle.run())
  expect(process.listenerCount('SIGINT')).toBe(before + 1)
  for (const each of runs) each.stop()
  await Promise.all(runs)
  expect(process.listenerCount('SIGINT')).toBe(before)
})

test('signals can be left to others', async () => {
  const before = process.listenerCount('SIGTERM')
  const run = job({
    name: 'idle',
    value: json<number>(),
    store: 'memory:',
    input: NEVER,
    keyOf: () => 'k',
    transform: () => 1,
  }).run({ signals: [] })
  expect(process.listenerCount('SIGTERM')).toBe(before)
  run.stop()
  await run
})
