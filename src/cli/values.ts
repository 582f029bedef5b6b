import { bufferOf } from '../base/bytes.ts'
import { text } from '../index.ts'
import { escapeControls } from './controls.ts'
import { CliError, ExitCode } from './exit-codes.ts'
import { compactJson, indentedJson, jsonMembersOf } from './json-text.ts'

/** The format in which values are shown and read: `--text`, `--bytes`, or neither. */
export type Format = 'json' | 'text' | 'bytes'

/** The options for it. */
export interface FormatOptions {
  readonly text?: boolean
  readonly bytes?: boolean
}

export const formatOf = ({ text, bytes }: FormatOptions): Format => (text ? 'text' : bytes ? 'bytes' : 'json')

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const asBase64 = (bytes: Uint8Array): string => bufferOf(bytes).toString('base64')

/** The text of bytes in the format, JSON verbatim; `undefined` for bytes that are not in it. */
function textOf(bytes: Uint8Array, format: Format): string | undefined {
  if (format === 'bytes') return undefined
  try {
    const content = utf8.decode(bytes)
    if (format === 'json') JSON.parse(content)
    return content
  } catch {
    return undefined
  }
}

/** An entry, or the part of it that is known. */
export interface LineEntry {
  readonly type?: string
  readonly key: string
  readonly value: Uint8Array
  readonly version?: number | undefined
}

const lineWith = ({ type, key, version }: LineEntry, member: string): string => {
  const begin = type === undefined ? '{' : `{"type":"${type}",`
  const end = version === undefined ? '}' : `,"version":${version}}`
  return escapeControls(`${begin}"key":${JSON.stringify(key)},${member}${end}`)
}

/** An entry as a line of JSON: its value is in `value`, or in `base64` where its bytes are not in the format. */
export function lineOf(entry: LineEntry, format: Format): string {
  const content = textOf(entry.value, format)
  if (content === undefined) return lineWith(entry, `"base64":"${asBase64(entry.value)}"`)
  return lineWith(entry, `"value":${format === 'text' ? JSON.stringify(content) : compactJson(content)}`)
}

/** JSON that cannot be put into a line verbatim: with a line break, white space around it, or control characters. */
const NOT_IN_A_LINE = /[\n\r\x7f-\x9f]|^\s|\s$/

/** An entry as a line of JSON from which {@link entryOfLine} restores every byte of its value. */
export function exactLineOf(entry: LineEntry, format: Format): string {
  const content = format === 'json' ? textOf(entry.value, format) : undefined
  if (content === undefined) return lineOf(entry, format)
  const member = NOT_IN_A_LINE.test(content) ? `"base64":"${asBase64(entry.value)}"` : `"value":${content}`
  return lineWith(entry, member)
}

/** The key and the bytes of the value in a line of JSON; a JSON value verbatim. */
export function entryOfLine(
  line: string,
  format: Format,
): { readonly key: string; readonly value: Uint8Array } {
  const entry = JSON.parse(line) as { key?: unknown; value?: unknown; base64?: unknown } | null
  if (typeof entry?.key !== 'string') throw new CliError('there is no "key"')
  return { key: entry.key, value: bytesOfMember(entry, line, format) }
}

function bytesOfMember(
  { value, base64 }: { value?: unknown; base64?: unknown },
  line: string,
  format: Format,
): Uint8Array {
  if (base64 !== undefined) {
    if (typeof base64 !== 'string') throw new CliError('`base64` is not a string')
    if (value !== undefined) throw new CliError('there are both `value` and `base64`')
    return fromBase64(base64)
  }
  if (value === undefined) throw new CliError('there is neither `value` nor `base64`')
  return format === 'text' ? text.encode(value as string) : Buffer.from(jsonMembersOf(line).get('value')!)
}

/** The value of these bytes as text for people. */
export function shownValue(
  bytes: Uint8Array,
  format: Format,
  layOut: (json: string) => string = compactJson,
): string {
  const content = textOf(bytes, format)
  if (content !== undefined) return escapeControls(format === 'text' ? content : layOut(content))
  return format === 'bytes' ? asBase64(bytes) : `(${bytes.length} bytes, not ${format}) ${asBase64(bytes)}`
}

/** The value of these bytes as text for people, on several lines. */
export const shownWhole = (bytes: Uint8Array, format: Format): string =>
  shownValue(bytes, format, indentedJson)

/** A key, safe for a terminal. */
export const shownKey = (key: string): string =>
  escapeControls(key).replaceAll('\n', '\\n').replaceAll('\t', '\\t')

/** The bytes of a value given as an argument (`bytes` in base64) or read from stdin (`bytes` verbatim). */
export function bytesOf(given: string | Uint8Array, format: Format): Uint8Array {
  if (format === 'bytes') return typeof given === 'string' ? fromBase64(given) : given
  const content = typeof given === 'string' ? given : decodeUtf8(given)
  if (format === 'text') return text.encode(content)
  try {
    JSON.parse(content)
  } catch (error) {
    throw new CliError(
      `the value is not JSON (${(error as Error).message}); a string needs quotes, or --text`,
      ExitCode.usage,
    )
  }
  return Buffer.from(compactJson(content))
}

function fromBase64(content: string): Uint8Array {
  const bytes = Buffer.from(content, 'base64')
  if (bytes.toString('base64') === content) return bytes
  throw new CliError('the value is not base64; raw bytes are taken from stdin', ExitCode.usage)
}

function decodeUtf8(content: Uint8Array): string {
  try {
    return utf8.decode(content)
  } catch {
    throw new CliError('what stdin has is not UTF-8; --bytes takes it as it is', ExitCode.usage)
  }
}
