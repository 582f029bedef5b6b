import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { filesInput } from 'rxkeeper/inputs/files'
import { expect, it } from 'vitest'
import { sharedFolder } from './folder.ts'
import { readAll, readWhole } from './reading.ts'

const folder = sharedFolder()

const ends = fc.constantFrom('\n', '\r\n')
const lines = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
    // An empty line is no record.
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  { maxLength: 40 },
)
const content = fc
  .record({ lines, end: ends, last: fc.boolean(), mark: fc.constantFrom('', '\ufeff') })
  .map(({ lines, end, last, mark }) => {
    const text = lines.map(line => (line === undefined ? '' : JSON.stringify(line))).join(end)
    return { text: mark + text + (last ? end : ''), records: lines.filter(line => line !== undefined) }
  })

it('each line is a record of the part in which it begins, wherever the parts begin', async () => {
  await fc.assert(
    fc.asyncProperty(content, fc.integer({ min: 1, max: 300 }), async ({ text, records }, partitionBytes) => {
      writeFileSync(join(folder.path, 'a.ndjson'), text)
      const input = filesInput<string>({ files: 'a.ndjson', cwd: folder.path, partitionBytes })
      expect(await readWhole(input)).toEqual(records)
      for (const partition of await firstValueFrom(input.partitions$)) {
        const all = await readAll(input, partition)
        for (const [i, { position }] of all.entries()) {
          expect(await readAll(input, partition, position)).toEqual(all.slice(i + 1))
        }
      }
    }),
    { numRuns: 200 },
  )
})

it('parts keep their names and positions when the file grows', async () => {
  const file = join(folder.path, 'grows.ndjson')
  writeFileSync(file, '1\n22\n333\n')
  const input = filesInput<number>({ files: 'grows.ndjson', cwd: folder.path, partitionBytes: 8 })
  expect(await firstValueFrom(input.partitions$)).toEqual(['grows.ndjson#0-8', 'grows.ndjson#8-16'])
  const before = await readAll(input, 'grows.ndjson#0-8')
  writeFileSync(file, '1\n22\n333\n4444\n55555\n')
  expect(await firstValueFrom(input.partitions$)).toEqual([
    'grows.ndjson#0-8',
    'grows.ndjson#8-16',
    'grows.ndjson#16-24',
  ])
  expect(await readAll(input, 'grows.ndjson#0-8')).toEqual(before)
  expect(await readWhole(input)).toEqual([1, 22, 333, 4444, 55555])
})

const field = fc.string({ unit: 'grapheme', maxLength: 12 }).filter(text => !/[\r\n]/.test(text))
const row = fc.tuple(field, field, field)
const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`

it('CSV in parts: each knows the names of the fields', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 30 }),
      fc.integer({ min: 1, max: 200 }),
      async (rows, bytes) => {
        const written = [['a', 'b', 'c'], ...rows].map(fields => `${fields.map(quote).join(';')}\r\n`)
        writeFileSync(join(folder.path, 'a.csv'), written.join(''))
        const input = filesInput({
          files: 'a.csv',
          cwd: folder.path,
          partitionBytes: bytes,
          csv: { delimiter: ';' },
        })
        expect(await readWhole(input)).toEqual(rows.map(([a, b, c]) => ({ a, b, c })))
      },
    ),
    { numRuns: 100 },
  )
})

it('CSV in parts refuses a field with a line break, and says where', async () => {
  writeFileSync(join(folder.path, 'broken.csv'), 'a,b\n1,2\n3,"4\n5"\n')
  const input = filesInput({
    files: 'broken.csv',
    cwd: folder.path,
    partitionBytes: 1024,
    undecodable: () => {},
  })
  await expect(readAll(input, 'broken.csv#0-1024')).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/broken\.csv.*byte 8 .*`partitionBytes`/),
    partition: 'broken.csv#0-1024',
  })
  const whole = filesInput({ files: 'broken.csv', cwd: folder.path })
  expect(await readWhole(whole)).toEqual([
    { a: '1', b: '2' },
    { a: '3', b: '4\n5' },
  ])
})
