/*
 * JSON as text. What is parsed and made text of again need not be the same: numbers that a double cannot hold are others
 * then. So what is stored, shown and loaded is cut out of the text. All of these take valid JSON.
 */

/** A string, a punctuation mark, or what is between them. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g

/** Without the white space between its tokens. */
export const compactJson = (json: string): string =>
  json.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\n\r]+/g, '$1')

/** On several lines, as `JSON.stringify` lays it out. */
export function indentedJson(json: string): string {
  let shown = ''
  let depth = 0
  let previous = ''
  for (const [token] of json.matchAll(TOKENS)) {
    const closes = token === '}' || token === ']'
    const opened = previous === '{' || previous === '['
    if (closes) depth--
    if (closes ? !opened : opened || previous === ',') shown += `\n${'  '.repeat(depth)}`
    shown += token === ':' ? ': ' : token
    if (token === '{' || token === '[') depth++
    previous = token
  }
  return shown
}

/** The members of an object, each as it stands there; of those with one name the last, as `JSON.parse` has it. */
export function jsonMembersOf(object: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>()
  for (let from = 0; ; ) {
    const begin = object.indexOf('"', from)
    if (begin < 0) return members
    const after = endOfString(object, begin) + 1
    const colon = object.indexOf(':', after)
    from = endOfMember(object, colon + 1)
    members.set(JSON.parse(object.slice(begin, after)) as string, object.slice(colon + 1, from).trim())
  }
}

/** Where the string ends that begins at `begin`: at a quote behind an even number of backslashes. */
function endOfString(json: string, begin: number): number {
  for (let quote = begin; ; ) {
    quote = json.indexOf('"', quote + 1)
    let backslashes = 0
    while (json[quote - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return quote
  }
}

/** Where the comma or brace is that ends the member whose value is at `from`. */
function endOfMember(json: string, from: number): number {
  let depth = 0
  for (let at = from; ; at++) {
    const character = json[at]
    if (character === '"') at = endOfString(json, at)
    else if (character === '{' || character === '[') depth++
    else if (depth === 0 && (character === ',' || character === '}')) return at
    else if (character === '}' || character === ']') depth--
  }
}
