import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readArguments } from '../../examples/flights/arguments.ts'
import { FLIGHT } from '../../examples/flights/flight.ts'
import { openInput } from '../../examples/flights/input/index.ts'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { type Flight, flights } from './flights.ts'
import { run } from './program.ts'

const few = flights.slice(0, 500)

const formats: Record<string, (content: readonly Flight[]) => string> = {
  ndjson: content => `\n${content.map(flight => JSON.stringify(flight)).join('\r\n')}`,
  json: content => JSON.stringify(content, undefined, 1),
  csv: content =>
    `\ufeffdate,destination,delay,origin\n${content
      .map(({ origin, destination, delay }) => `"2001, I",${destination},${delay},${origin}`)
      .join('\n')}\n`,
}

function fileOf(name: string, content: string): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, content)
  return file
}

/** Reads the flights of a file without the first `skip`. */
async function read(file: string, skip = 0) {
  const input = await openInput(file, FLIGHT)
  const all = []
  for await (const flight of input.read(skip)) all.push(flight)
  return all
}

test.each(Object.entries(formats))('%s', async (format, write) => {
  const content = write(few)
  const file = fileOf(`flights.${format}`, content)
  const all = await read(file)
  expect(all).toMatchObject(few.map(({ origin, destination, delay }) => ({ origin, destination, delay })))
  expect(all.map(({ position }) => position)).toEqual(few.map((_, i) => i + 1))
  const bytes = all.reduce((sum, flight) => sum + flight.bytes, 0)
  expect(bytes / Buffer.byteLength(content)).toBeCloseTo(1, 1)
  expect(await read(file, 490)).toEqual(all.slice(490))
  expect(await read(file, 501)).toEqual([])
})

test.each([
  ['flights.ndjson', ''],
  ['flights.JSON', '[]'],
  ['flights.csv', 'origin,destination,delay\n'],
])('no flights in %s', async (name, content) => {
  expect(await read(fileOf(name, content))).toEqual([])
})

describe('what is wrong is said with its place', () => {
  test.each<[name: string, content: string, said: string]>([
    ['a.ndjson', '{"origin":"AAA","destination":"BBB","delay":1}\n{"origin":\n', 'a.ndjson, line 2: '],
    ['b.ndjson', '\n\n{"origin":"AAA","destination":"BBB"}', 'b.ndjson, line 3: "delay" must be a number'],
    [
      'c.ndjson',
      '{"origin":"A-A","destination":"BBB","delay":1}',
      'c.ndjson, line 1: "origin" must be the code',
    ],
    ['d.ndjson', 'null', 'd.ndjson, line 1: not an object'],
    ['e.json', '[\n{"origin":"AAA","destination":"BBB","delay":1},\n{"origin"}\n]', 'e.json, line 3: '],
    [
      'f.json',
      '[\n\n{"origin":"AAA","destination":"BBB","delay":"late"}]',
      'f.json, line 3: "delay" must be',
    ],
    ['g.json', '{}', 'g.json is not an array of flights'],
    ['h.csv', 'origin,destination,delay\nAAA,BBB,1\nAAA,BBB\n', 'h.csv: Invalid Record Length'],
    ['h.csv', 'origin,destination,delay\nAAA,BBB,1\nAAA,BBB\n', 'on line 3'],
    ['i.csv', 'origin,destination,delay\nAAA,BBB,1\nAAA,BBB,\n', 'i.csv, line 3: "delay" must be a number'],
    ['j.csv', 'from,to,delay\nAAA,BBB,1\n', 'j.csv, line 2: "origin" must be the code of an airport'],
    ['k.parquet', 'not Parquet', 'k.parquet: '],
    ['l.xml', '<flights/>', '.ndjson, .jsonl, .json, .csv, .parquet'],
  ])('%s', async (name, content, said) => {
    await expect(read(fileOf(name, content))).rejects.toThrow(said)
  })

  test('a folder', async () => {
    const folder = join(temporaryFolder(), 'flights.csv')
    await expect(read(folder)).rejects.toThrow(`there is no file ${folder}`)
  })
})

test.each([
  [['--stores', 'memory:'], '--stores'],
  [['memory:'], 'memory:'],
  [['--input'], '--input'],
])('arguments %j', (args, said) => {
  expect(() => readArguments(args)).toThrow(said)
  expect(() => readArguments(args)).toThrow('--help')
})

describe('a run that cannot be says so in one line', () => {
  test.each<[what: string, args: string[], said: string]>([
    ['an unknown option', ['--stores', 'memory:'], '--stores'],
    ['a store that is none', ['--store', 'redis://localhost'], 'redis://localhost'],
    ['a missing file', ['--store', 'memory:', '--input', '/missing/flights.csv'], '/missing/flights.csv'],
    ['a server that is not there', ['--store', 'zookeeper://127.0.0.1:1/flights'], '127.0.0.1:1'],
    ['a folder that cannot be', ['--store', 'lmdb:/dev/null/state'], '/dev/null/state'],
  ])('%s', async (_, args, said) => {
    const { output, errors, code } = await run('flights/main.ts', args)
    expect(errors).toMatch(/^flights: .*\n$/)
    expect(errors).toContain(said)
    expect(output).toBe('')
    expect(code).toBe(1)
  })
})

test('so does a run that comes upon a broken line', async () => {
  const file = fileOf('flights.ndjson', `${JSON.stringify(flights[0])}\n{"origin":`)
  const { output, errors, code } = await run('flights/main.ts', ['--store', 'memory:', '--input', file])
  expect(errors).toMatch(/^flights: .*\n$/)
  expect(errors).toContain(`${file}, line 2: `)
  expect(output).toBe('')
  expect(code).toBe(1)
})

test('--help shows what there is', async () => {
  const { output, errors, code } = await run('flights/main.ts', ['--help'])
  for (const option of ['--store', '--input', '--from-start']) expect(output).toContain(option)
  expect(errors).toBe('')
  expect(code).toBe(0)
})
