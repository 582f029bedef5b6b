import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { filesIn, pages, root } from './pages.ts'

/** A piece of documentation that says it is TypeScript. */
export interface Snippet {
  /** Where it is: file and line. */
  readonly at: string
  /** A name that is good for a file. */
  readonly name: string
  readonly code: string
}

/** The ```ts blocks of a text; `strip` takes away what comes before the code in each line. */
function blocksOf(file: string, text: string, strip: RegExp): Snippet[] {
  const snippets: Snippet[] = []
  let code: string[] | undefined
  let start = 0
  text.split('\n').forEach((line, index) => {
    const content = line.replace(strip, '')
    if (code === undefined) {
      if (content.trim() === '```ts') {
        code = []
        start = index + 1
      }
    } else if (content.trim() === '```') {
      const at = `${file}:${start}`
      snippets.push({ at, name: at.replace(/[^\w]+/g, '-'), code: `${code.join('\n')}\n` })
      code = undefined
    } else code.push(content)
  })
  return snippets
}

/** Every snippet of the READMEs and every `@example` of the docstrings. */
export function allSnippets(): Snippet[] {
  const snippets = (files: string[], strip: RegExp): Snippet[] =>
    files.flatMap(file => blocksOf(relative(root, file), readFileSync(file, 'utf8'), strip))
  return [...snippets(pages(), /^/), ...snippets(filesIn('src', '.ts'), /^\s*\* ?/)]
}

/**
 * What a snippet says that it prints: the comments behind its `console.log` lines, joined by commas; `undefined` where
 * it does not say it of each.
 */
export function promisedOutput(code: string): string | undefined {
  const lines = code.split('\n').filter(line => line.includes('console.log('))
  const comments = lines.map(line => /\/\/ (.*)$/.exec(line)?.[1])
  return comments.length > 0 && comments.every(comment => comment !== undefined)
    ? comments.join(', ')
    : undefined
}
