/*
 * JSON as text. Parsing and stringifying may change it: numbers that a double cannot hold become others. So the JSON to
 * be stored, shown or loaded is cut out of the text. All functions here expect valid JSON.
 */

/** A string, a punctuation mark, or the text between them. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g

/** Without the white space between its tokens. */
export const compactJson = (json: string): string =>
  json.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\n\r]+/g, '$1')

/** On several lines, in the layout of `JSON.stringify`. */
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

/** The members of an object, each verbatim; of several with the same name the last, as in `JSON.parse`. */
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

/** The end of the string that begins at `begin`: a quote after an even number of backslashes. */
function endOfString(json: string, begin: number): number {
  for (let quote = begin; ; ) {
    quote = json.indexOf('"', quote + 1)
    let backslashes = 0
    while (json[quote - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return quote
  }
}

/** The position of the comma or brace that ends the member whose value begins at `from`. */
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
