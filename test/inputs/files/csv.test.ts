import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import type { Undecodable } from 'rxkeeper'
import { filesInput } from 'rxkeeper/inputs/files'
import { expect, it } from 'vitest'
import { sharedFolder } from './folder.ts'
import { readAll, readWhole } from './reading.ts'

const folder = sharedFolder()

const write = (name: string, text: string): void => writeFileSync(join(folder.path, name), text)

// Mostly what matters to CSV.
const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ' '), maxLength: 8 })
const quoted = text.map(field => `"${field.replaceAll('"', '""')}"`)
const plain = fc.string({ unit: fc.constantFrom('a', 'é', ' '), maxLength: 5 })
const rows = fc.array(fc.array(fc.oneof(quoted, plain), { minLength: 3, maxLength: 3 }), {
  minLength: 1,
  maxLength: 20,
})

it('reads what another parser reads, from any position', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.constantFrom('\n', '\r\n'), fc.boolean(), async (rows, end, last) => {
      const content = rows.map(row => row.join(',')).join(end) + (last ? end : '')
      write('a.csv', content)
      const expected = parse(content, { columns: ['a', 'b', 'c'], record_delimiter: ['\n', '\r\n'] })
      const input = filesInput({ files: 'a.csv', cwd: folder.path, csv: { columns: ['a', 'b', 'c'] } })
      const all = await readAll(input, 'a.csv')
      expect(all.map(({ record }) => record)).toEqual(expected)
      for (const [i, { position }] of all.entries()) {
        expect(await readAll(input, 'a.csv', position)).toEqual(all.slice(i + 1))
      }
    }),
    { numRuns: 200 },
  )
})

it('records that are wrong cost themselves only', async () => {
  write('wrong.csv', 'a,b\n1,2\n3\n4,5,6\n"7"8,9\n1"0,11\n12,"13\n14,15\n\n16,"x\ny"\n17,"18\n19",20\n')
  const letters: Undecodable<number>[] = []
  const input = filesInput({
    files: 'wrong.csv',
    cwd: folder.path,
    undecodable: letter => letters.push(letter),
  })
  expect(await readWhole(input)).toEqual([
    { a: '1', b: '2' },
    { a: '14', b: '15' },
    { a: '16', b: 'x\ny' },
  ])
  expect(letters.map(({ content, error }) => [`${content}`, error.message])).toEqual([
    ['3', expect.stringMatching(/wrong\.csv@10: it has 1 fields, expected 2/)],
    ['4,5,6', expect.stringMatching(/it has 3 fields, expected 2/)],
    ['"7"8,9', expect.stringMatching(/goes on after the quote/)],
    ['1"0,11', expect.stringMatching(/has a quote but does not begin with one/)],
    ['12,"13', expect.stringMatching(/goes on after the quote/)],
    ['17,"18\n19",20', expect.stringMatching(/it has 3 fields, expected 2/)],
  ])
})

it('a quote that never ends costs its own line', async () => {
  const rest = Array.from({ length: 3000 }, (_, i) => `${i},x`)
  write('open.csv', `a,b\n1,"2\n${rest.join('\n')}\n`)
  for (const maxRecordBytes of [100, 1024 * 1024]) {
    const letters: Undecodable<number>[] = []
    const input = filesInput({
      files: 'open.csv',
      cwd: folder.path,
      maxRecordBytes,
      undecodable: l => letters.push(l),
    })
    expect(await readWhole(input)).toHaveLength(rest.length)
    expect(letters.map(({ content, position }) => [`${content}`, position])).toEqual([['1,"2', 9]])
  }
})

it('an empty file has no records, one with a header only neither; a bad header is said to be one', async () => {
  write('none.csv', '')
  write('header.csv', 'a,b\n')
  const input = filesInput({ files: ['none.csv', 'header.csv'], cwd: folder.path })
  expect(await readWhole(input)).toEqual([])
  for (const header of ['a,a', '__proto__,b', '"a"b,c', 'a'.repeat(2000)]) {
    write('bad.csv', `${header}\n1,2\n`)
    const bad = filesInput({ files: 'bad.csv', cwd: folder.path, maxRecordBytes: 1000 })
    await expect(readWhole(bad)).rejects.toThrow(/first line of .*bad\.csv/)
  }
})
