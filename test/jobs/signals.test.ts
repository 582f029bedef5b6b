import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NEVER } from 'rxjs'
import { job, json } from 'rxkeeper'
import { expect, onTestFinished, test } from 'vitest'

const program = fileURLToPath(new URL('programs/ticker.ts', import.meta.url))

/** Runs the program, sends it `signal` at each of the lines that begin so; resolves with its lines and exit code. */
async function run(signal: NodeJS.Signals, at: readonly string[], ...args: string[]) {
  const child = spawn(process.execPath, ['--conditions=rxkeeper-source', '--import', 'tsx', program, ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.pipe(process.stderr)
  const closed = once(child, 'close')
  const lines: string[] = []
  let sent = 0
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (at[sent] !== undefined && line.startsWith(at[sent]!)) {
      sent++
      child.kill(signal)
    }
  }
  const [code] = await closed
  return { lines, code }
}

test.each([
  ['SIGINT' as const, 130],
  ['SIGTERM' as const, 0],
])('%s stops a program in good order', async (signal, exitCode) => {
  const { lines, code } = await run(signal, ['tick 3'])
  expect(code).toBe(exitCode)
  expect(lines).toContain(`stopping: ${signal}`)
  const ticks = lines.filter(line => line.startsWith('tick'))
  expect(ticks).toEqual(ticks.map((_, i) => `tick ${i}`))
  // Whatever was taken in was given out.
  const count = ticks.length
  expect(lines.at(-1)).toBe(JSON.stringify({ aborted: false, outputs: count, records: count }))
})

test('a second signal ends it at once', async () => {
  const { lines, code } = await run('SIGTERM', ['tick 0', 'stopping'], 'stuck')
  expect(code).toBe(143)
  expect(lines.slice(0, 2)).toEqual(['tick 0', 'stopping: SIGTERM'])
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ aborted: true, outputs: 0 })
})

test('any number of runs have one listener, and none when they have ended', async () => {
  const before = process.listenerCount('SIGINT')
  const idle = job({
    name: 'idle',
    value: json<number>(),
    store: 'memory:',
    input: NEVER,
    key: () => 'k',
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
    key: () => 'k',
    transform: () => 1,
  }).run({ signals: [] })
  expect(process.listenerCount('SIGTERM')).toBe(before)
  run.stop()
  await run
})
