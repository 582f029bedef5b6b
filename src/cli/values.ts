import { json, KVError, text } from '../index.ts'
import { CliError, ExitCode } from './exit-codes.ts'

/** How values are shown and taken: `--text`, `--bytes`, or neither. */
export type Format = 'json' | 'text' | 'bytes'

/** The options that say so. */
export interface FormatOptions {
  readonly text?: boolean
  readonly bytes?: boolean
}

export const formatOf = ({ text, bytes }: FormatOptions): Format => (text ? 'text' : bytes ? 'bytes' : 'json')

/** A value in a line of JSON: in `value`, or where its bytes are not of the format, in `base64`. */
export type JsonValue = { readonly value: unknown } | { readonly base64: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const asBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')

/** The value of these bytes for a line of JSON. */
export function jsonValueOf(bytes: Uint8Array, format: Format): JsonValue {
  if (format !== 'bytes') {
    try {
      const content = utf8.decode(bytes)
      return { value: format === 'text' ? content : JSON.parse(content) }
    } catch {}
  }
  return { base64: asBase64(bytes) }
}

/** The value of these bytes for people. */
export function shownValue(bytes: Uint8Array, format: Format, indent?: number): string {
  const shown = jsonValueOf(bytes, format)
  if ('base64' in shown)
    return format === 'bytes' ? shown.base64 : `(${bytes.length} bytes, not ${format}) ${shown.base64}`
  return format === 'text'
    ? escapeControls(shown.value as string)
    : JSON.stringify(shown.value, undefined, indent)
}

/** Text as a terminal may get it: what it would take as a command is shown instead. */
const escapeControls = (content: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  content.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, character => JSON.stringify(character).slice(1, -1))

/** A key as a terminal may get it. */
export const shownKey = (key: string): string =>
  escapeControls(key).replaceAll('\n', '\\n').replaceAll('\t', '\\t')

/** The bytes of a value that was given as an argument (`bytes` in base64) or read from stdin (`bytes` as they are). */
export function bytesOf(given: string | Uint8Array, format: Format): Uint8Array {
  if (format === 'bytes') return typeof given === 'string' ? fromBase64(given) : given
  const content = typeof given === 'string' ? given : decodeUtf8(given)
  if (format === 'text') return text.encode(content)
  try {
    return json().encode(JSON.parse(content))
  } catch (error) {
    throw new CliError(
      `the value is not JSON (${(error as Error).message}); a string needs quotes, or --text`,
      ExitCode.usage,
    )
  }
}

/** The bytes of what a line of JSON has as its value. */
export function bytesOfJson(entry: { value?: unknown; base64?: unknown }, format: Format): Uint8Array {
  if (entry.base64 !== undefined) return fromBase64(String(entry.base64))
  if (entry.value === undefined) throw new KVError('CODEC', 'there is neither `value` nor `base64`')
  return format === 'text' ? text.encode(entry.value as string) : json().encode(entry.value)
}

function fromBase64(content: string): Uint8Array {
  if (!/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(content)) {
    throw new CliError('the value is not base64; raw bytes are taken from stdin', ExitCode.usage)
  }
  return Buffer.from(content, 'base64')
}

function decodeUtf8(content: Uint8Array): string {
  try {
    return utf8.decode(content)
  } catch {
    throw new CliError('what stdin has is not UTF-8; --bytes takes it as it is', ExitCode.usage)
  }
}
