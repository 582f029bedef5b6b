import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { LINE_LIMIT, type Line, linesOf } from '../../src/cli/lines.ts'

async function read(chunks: Iterable<Uint8Array>, start?: { number: number; end: number }): Promise<Line[]> {
  const found: Line[] = []
  for await (const line of linesOf(Readable.from(chunks), start)) found.push(line)
  return found
}

const whole = { whole: true, tooLong: false }

test('lines are found wherever they are cut', async () => {
  const bytes = Buffer.from('é\n\nb\r\nlast')
  const expected = [
    { text: 'é', number: 8, end: 103, ...whole },
    { text: '', number: 9, end: 104, ...whole },
    { text: 'b\r', number: 10, end: 107, ...whole },
    { text: 'last', number: 11, end: 111, ...whole, whole: false },
  ]
  for (let size = 1; size <= bytes.length; size++) {
    const chunks: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
    expect(await read(chunks, { number: 7, end: 100 })).toEqual(expected)
  }
})

test('a line that is too long is told of as soon as it is, and passed over', async () => {
  const mebibyte = Buffer.alloc(1024 * 1024, 'x')
  let given = 0
  function* chunks(): Generator<Uint8Array> {
    yield Buffer.from('a\n')
    for (; given < 300; given++) yield mebibyte
    yield Buffer.from('\nb\n')
  }
  let givenThen = 0
  const found: Line[] = []
  for await (const line of linesOf(Readable.from(chunks()))) {
    found.push(line)
    if (line.tooLong) givenThen = given
  }
  expect(found.map(({ text, ...rest }) => ({ ...rest, text: text.slice(0, 2), size: text.length }))).toEqual([
    { text: 'a', size: 1, number: 1, end: 2, ...whole },
    { text: 'xx', size: 1024, number: 2, end: expect.any(Number), whole: false, tooLong: true },
    { text: 'b', size: 1, number: 3, end: 300 * 1024 * 1024 + 5, ...whole },
  ])
  expect(givenThen).toBeLessThan(LINE_LIMIT / mebibyte.length + 20)
})
