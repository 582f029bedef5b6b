import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { firstValueFrom, toArray } from 'rxjs'
import { type JobEvent, json, zookeeperStore } from 'rxkeeper'
import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { newProject } from './project.ts'

/*
 * `rxkeeper process --group` in several terminals: they share the flights, and whatever becomes of one of them, every flight is
 * counted once.
 */

const project = newProject()

const FILES = 6
const flights = JSON.parse(
  readFileSync(new URL('../../node_modules/vega-datasets/data/flights-20k.json', import.meta.url), 'utf8'),
) as readonly { origin: string; delay: number }[]

interface Airport {
  readonly flights: number
  readonly late: number
}

/** Writes files of 20,000 flights each, and the job that counts them. */
function prepare(): Map<string, Airport> {
  const job = fileURLToPath(new URL('../../examples/airports.ts', import.meta.url))
  project.write('airports.ts', readFileSync(job, 'utf8'))
  const content = flights.map(({ origin, delay }) => `${JSON.stringify({ origin, delay })}\n`).join('')
  for (let i = 0; i < FILES; i++) project.write(`flights-${i}.ndjson`, content)
  const counts = new Map<string, Airport>()
  for (const { origin, delay } of flights) {
    const { flights, late } = counts.get(origin) ?? { flights: 0, late: 0 }
    counts.set(origin, { flights: flights + FILES, late: late + (delay > 15 ? FILES : 0) })
  }
  return counts
}

/** A terminal in which the job runs. */
function terminal(root: string) {
  const store = `zookeeper://${servers}${root}?sessionTimeout=2000`
  const args = [
    'process',
    'airports.ts',
    '-i',
    'flights-*.ndjson',
    '-o',
    'none',
    '--group',
    '--json',
    '-s',
    store,
  ]
  const child = project.start(args)
  const events: JobEvent<unknown>[] = []
  const complaints: string[] = []
  createInterface(child.stderr).on('line', line => {
    if (line.startsWith('{')) events.push(JSON.parse(line))
    else complaints.push(line)
  })
  const ended = once(child, 'exit')
  const last = <K extends JobEvent<unknown>['type']>(type: K) =>
    events.findLast((event): event is Extract<JobEvent<unknown>, { type: K }> => event.type === type)
  return {
    child,
    events,
    owned: () => last('partitions')?.owned ?? [],
    records: () => last('figures')?.figures.total.records ?? 0,
    end: async () => {
      const [code] = await ended
      expect({ code, complaints }).toEqual({ code: 0, complaints: [] })
      return last('stopped')!.result
    },
  }
}

async function stored(root: string): Promise<Map<string, Airport>> {
  await using store = zookeeperStore({ servers, root, value: json<Airport>(), consistency: 'linearizable' })
  const entries = await firstValueFrom(store.entries$().pipe(toArray()))
  return new Map(entries.map(({ key, value }) => [key, value]))
}

const patient = { timeout: 60_000, interval: 10 }

test('two terminals share the work; one is killed, and the counts are right', async () => {
  const expected = prepare()
  const root = freshRoot('group')
  const [killed, other] = [terminal(root), terminal(root)]
  await expect.poll(() => killed.owned().length, patient).toBeGreaterThan(0)
  await expect.poll(async () => (await stored(root)).size, patient).toBeGreaterThan(0)
  killed.child.kill('SIGKILL')
  const { reason } = await other.end()
  expect(reason).toBe('end of input')
  expect(await stored(root)).toEqual(expected)
}, 120_000)

test('one that is frozen beyond its session is fenced, lives on, and the counts are right', async () => {
  const expected = prepare()
  const root = freshRoot('group')
  const frozen = terminal(root)
  await expect.poll(() => frozen.owned().length, patient).toBeGreaterThan(0)
  frozen.child.kill('SIGSTOP')
  const other = terminal(root)
  await expect.poll(() => other.owned().length, patient).toBe(FILES)
  frozen.child.kill('SIGCONT')
  const results = await Promise.all([frozen.end(), other.end()])
  expect(results.map(({ reason }) => reason)).toEqual(['end of input', 'end of input'])
  const lost = frozen.events.flatMap(event => (event.type === 'lost' ? [event.error.code] : []))
  expect(new Set(lost)).toEqual(new Set(['FENCED']))
  expect(await stored(root)).toEqual(expected)
}, 120_000)

test('one that is asked to end leaves in good order', async () => {
  const expected = prepare()
  const root = freshRoot('group')
  const [leaving, other] = [terminal(root), terminal(root)]
  await expect.poll(() => leaving.owned().length, patient).toBeGreaterThan(0)
  leaving.child.kill('SIGTERM')
  const results = await Promise.all([leaving.end(), other.end()])
  const records = results.map(({ figures }) => figures.total.records)
  expect(results[0]!.reason).toBe('SIGTERM')
  expect(records[0]! + records[1]!).toBe(FILES * flights.length)
  expect(await stored(root)).toEqual(expected)
}, 120_000)

test('stdin and JSON cannot be shared', async () => {
  prepare()
  const run = (...args: string[]) =>
    project.run(['process', 'airports.ts', '-o', 'none', '--store', 'memory:', '--group', ...args])
  expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining('must be files') })
  const array = await run('-i', 'flights-0.ndjson', '--input-format', 'json')
  expect(array).toMatchObject({ code: 2, stderr: expect.stringContaining('share NDJSON or CSV') })
})

test('what cannot be read goes to the dead letters, with its place', async () => {
  prepare()
  project.write('torn.ndjson', '{"origin":"AAA","delay":1}\n{"origin"\n{"origin":"BBB","delay":20}\n')
  const args = [
    'process',
    'airports.ts',
    '-i',
    'torn.ndjson',
    '-o',
    'none',
    '--store',
    'memory:',
    '--group',
    'g',
  ]
  const { code, stderr } = await project.run([...args, '--dead-letter', 'bad.ndjson'])
  expect(stderr).toMatch(/^airports: 2 records .* 1 line unreadable\n$/)
  expect(code).toBe(0)
  expect(JSON.parse(project.read('bad.ndjson'))).toEqual({
    text: '{"origin"',
    error: { message: expect.stringContaining('torn.ndjson#0-67108864@37') },
  })
})
