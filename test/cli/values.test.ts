import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compactJson, indentedJson, jsonMembersOf } from '../../src/cli/json-text.ts'
import { entryOfLine, exactLineOf, lineOf } from '../../src/cli/values.ts'

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 })
const text = fc.string({ unit: fc.constantFrom(...'a"\\{}[],: \u007f\u009b\u001b\n€') })
const spaced = (token: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, token, space).map(parts => parts.join(''))

/** JSON as any program may have written it. */
const { json } = fc.letrec<{ json: string }>(tie => ({
  json: spaced(
    fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('9007199254740993', '1e400', '-0', '1.10', '0.1e-7', 'true', 'null', '"\\u0041\\/"'),
      text.map(content => JSON.stringify(content)),
      fc.array(tie('json'), { maxLength: 4 }).map(items => `[${items.join(',')}]`),
      fc
        .array(fc.tuple(text, space, tie('json')), { maxLength: 4 })
        .map(
          members =>
            `{${members.map(([name, gap, value]) => `${JSON.stringify(name)}${gap}:${value}`).join(',')}}`,
        ),
    ),
  ),
}))

test('JSON without its white space, and laid out, is the same JSON', () => {
  fc.assert(
    fc.property(json, given => {
      const value: unknown = JSON.parse(given)
      expect(JSON.parse(compactJson(given))).toEqual(value)
      expect(JSON.parse(indentedJson(given))).toEqual(value)
      const plain = JSON.stringify(value)
      expect(compactJson(JSON.stringify(value, undefined, 3))).toBe(plain)
      expect(indentedJson(plain)).toBe(JSON.stringify(value, undefined, 2))
    }),
  )
  expect(compactJson(' { "a b" : [ 9007199254740993 , 1e400 ] } ')).toBe('{"a b":[9007199254740993,1e400]}')
})

test('the members of an object are found as they stand there', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, json)), members => {
      const object = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
      expect([...jsonMembersOf(object)]).toEqual([
        ...new Map(members.map(([name, value]) => [name, value.trim()])),
      ])
    }),
  )
})

test('what is loaded from a dumped line is, byte for byte, what was dumped', () => {
  const bytes = fc.oneof(
    json.map(given => new Uint8Array(Buffer.from(given))),
    fc.uint8Array(),
    text.map(content => new Uint8Array(Buffer.from(content))),
  )
  fc.assert(
    fc.property(text, bytes, fc.constantFrom('json', 'text', 'bytes'), (key, value, format) => {
      const line = exactLineOf({ key, value, version: 3 }, format)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there; a tab commands nothing
      expect(line).not.toMatch(/[\0-\x08\n-\x1f\x7f-\x9f]/)
      expect(JSON.parse(line)).toMatchObject({ key, version: 3 })
      const loaded = entryOfLine(` ${line}\r`, format)
      expect([loaded.key, Buffer.from(loaded.value)]).toEqual([key, Buffer.from(value)])
    }),
  )
})

test('a value in lines for other programs is JSON where it can be, whatever its white space', () => {
  const value = Buffer.from('{\n  "id": 9007199254740993,\n  "at": "\u009b"\n}\n')
  expect(lineOf({ key: 'k\u007f', value }, 'json')).toBe(
    '{"key":"k\\u007f","value":{"id":9007199254740993,"at":"\\u009b"}}',
  )
})

test.each([
  ['{"key":"a","value":5,"base64":null}', '`base64` is not a string'],
  ['{"key":"b","base64":true}', '`base64` is not a string'],
  ['{"key":"b","base64":1234}', '`base64` is not a string'],
  ['{"key":"b","base64":"AA"}', 'not base64'],
  ['{"key":"b","base64":"AB=="}', 'not base64'],
  ['{"key":"b","base64":"","value":1}', 'both `value` and `base64`'],
  ['{"key":"b"}', 'neither `value` nor `base64`'],
  ['{"key":1,"value":1}', 'no "key"'],
  ['null', 'no "key"'],
])('%s is no entry', (line, message) => {
  expect(() => entryOfLine(line, 'json')).toThrow(message)
})
