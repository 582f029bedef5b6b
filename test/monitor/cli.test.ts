import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { serve } from './support.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function rxkeeper(...args: readonly string[]) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=rxkeeper-source', 'src/cli/main.ts', ...args],
    {
      cwd: ROOT,
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  return { child, ended, lines: createInterface(child.stdout)[Symbol.asyncIterator](), errors: () => errors }
}

it('serves the page until Ctrl-C, also while a browser looks at it', async () => {
  const { child, ended, lines } = rxkeeper(
    'monitor',
    '--store',
    `zookeeper://${servers}${freshRoot('monitor')}`,
    '--port',
    '0',
  )
  const { url } = JSON.parse((await lines.next()).value!) as { url: string }
  expect(url).toMatch(/^http:\/\/localhost:\d+\/$/)
  const events = await fetch(`${url}api/events`)
  const reader = events.body!.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toContain('retry:')
  child.kill('SIGINT')
  expect(await ended).toEqual([130, null])
})

it('makes up a token beyond this machine, and hides the password of the store', async () => {
  const { child, ended, lines, errors } = rxkeeper(
    ...['monitor', '--host', '0.0.0.0', '--port', '0'],
    ...['--store', `zookeeper://user:secret@${servers}${freshRoot('monitor')}`],
  )
  const url = new URL((JSON.parse((await lines.next()).value!) as { url: string }).url)
  expect(url.hash).toMatch(/^#token=[\w-]{32}$/)
  expect((await fetch(new URL('/api/keys', url))).status).toBe(401)
  const authorization = `Bearer ${url.hash.slice('#token='.length)}`
  const events = await fetch(new URL('/api/events', url), { headers: { authorization } })
  const reader = events.body!.getReader()
  let text = ''
  while (!text.includes('event: overview\n')) text += Buffer.from((await reader.read()).value!).toString()
  expect(text).toContain('user:')
  expect(text).not.toContain('secret')
  child.kill('SIGTERM')
  expect(await ended).toEqual([143, null])
  expect(errors()).not.toContain('secret')
})

it('says that its port is taken, in a line', async () => {
  const { monitor } = await serve()
  const { ended, errors } = rxkeeper('monitor', '--store', 'memory:', '--port', String(monitor.port))
  expect(await ended).toEqual([1, null])
  expect(errors()).toMatch(/^rxkeeper: the port is taken; give another with --port: .*\n$/)
})
