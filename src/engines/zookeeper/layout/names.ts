/**
 * Keys that are their own znode name: without characters that ZooKeeper forbids, `/` and `%`.
 */
const ORDINARY = /^[ -$&-.0-~\u00a0-\ud7ff\uf900-\uffef]+$/

/** Runs of characters that must be escaped. */
const ESCAPED = /[^ -$&-.0-~\u00a0-\ud7ff\uf900-\uffef]+/g

/** Reserved names: their first character is escaped. */
const SPECIAL = new Set(['.', '..', 'zookeeper'])

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function percentEncode(text: string): string {
  let escaped = ''
  for (const byte of Buffer.from(text)) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return escaped
}

/**
 * The znode name of a key (any non-empty string without lone surrogates). Ordinary keys are their own name. `/`, `%`,
 * characters that ZooKeeper forbids (control characters, U+E000–U+F8FF, U+FFF0–U+FFFF, everything above U+FFFF), and
 * the first character of `.`, `..` and `zookeeper` become `%XX` for each byte of their UTF-8.
 */
export function nameOf(key: string): string {
  if (ORDINARY.test(key)) return SPECIAL.has(key) ? percentEncode(key[0]!) + key.slice(1) : key
  return key.replace(ESCAPED, percentEncode)
}

/** The key of a znode name; `undefined` for a name that no key has by {@link nameOf}, such as `50%`. */
export function keyOfName(name: string): string | undefined {
  if (ORDINARY.test(name)) return SPECIAL.has(name) ? undefined : name
  let key: string
  try {
    key = name.replace(/(?:%[\dA-F]{2})+/g, run => utf8.decode(Buffer.from(run.replaceAll('%', ''), 'hex')))
  } catch {
    return undefined
  }
  return key.isWellFormed() && nameOf(key) === name ? key : undefined
}
