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
  let depth = 0
  let name: string | undefined
  let begin = 0
  for (const { 0: token, index } of object.matchAll(TOKENS)) {
    if (token === '{' || token === '[') depth++
    else if (depth > 1) {
      if (token === '}' || token === ']') depth--
    } else if (name === undefined && token.startsWith('"')) name = JSON.parse(token) as string
    else if (token === ':') begin = index + 1
    else if (name !== undefined && (token === ',' || token === '}')) {
      members.set(name, object.slice(begin, index).trim())
      name = undefined
    }
  }
  return members
}
