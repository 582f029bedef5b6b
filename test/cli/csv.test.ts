import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { csvRecordsOf } from '../../src/cli/csv.ts'
import { linesOf } from '../../src/cli/lines.ts'

/** The fields of each record, or its text and what is wrong with it. */
async function recordsIn(csv: string): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const { fields, text, number } of csvRecordsOf(linesOf(Readable.from([Buffer.from(csv)])))) {
    found.push(fields instanceof Error ? [number, text, fields.message] : fields)
  }
  return found
}

test.each<[string, readonly (readonly string[])[]]>([
  ['', []],
  ['a', [['a']]],
  ['a,b\n', [['a', 'b']]],
  [
    'a,\n,b\n,\n',
    [
      ['a', ''],
      ['', 'b'],
      ['', ''],
    ],
  ],
  [
    '\ufeffa,b\r\n\r\n\nc,d\r\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    '"a","b"\r\n"",c\n',
    [
      ['a', 'b'],
      ['', 'c'],
    ],
  ],
  ['"a,b","say ""no"""\n', [['a,b', 'say "no"']]],
  [
    '"a\r\n\n b",c\n d ,\\\n',
    [
      ['a\r\n\n b', 'c'],
      [' d ', '\\'],
    ],
  ],
])('%j', async (csv, records) => {
  expect(await recordsIn(csv)).toEqual(records)
})

test('what is no record is told whole, and hurts none after it', async () => {
  expect(await recordsIn('a,b\n1"2,3"4"\n"x"y,"z\nc,d\n"never, closed\ne,f\n')).toEqual([
    ['a', 'b'],
    [2, '1"2,3"4"', 'field 1 has a quote but does not begin with one'],
    [3, '"x"y,"z', 'field 1 goes on after the quote that ends it'],
    ['c', 'd'],
    [5, '"never, closed\ne,f', 'a quote is not closed'],
  ])
})
