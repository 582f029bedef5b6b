import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pages, root } from './pages.ts'

const LONGEST_LINE = 110
const LONGEST_README = 180

const linesOf = (page: string): string[] => readFileSync(page, 'utf8').split('\n')

/** A page without its code, where `[a](b)` is no link and `# a` no heading. */
const proseOf = (page: string): string =>
  readFileSync(page, 'utf8')
    .replace(/^```.*?^```/gms, '')
    .replace(/`[^`\n]*`/g, code => code.replace(/[[\](){}]/g, '.'))

/** The anchors of a page: its headings as GitHub writes them. */
const anchorsOf = (page: string): string[] =>
  [
    ...readFileSync(page, 'utf8')
      .replace(/^```.*?^```/gms, '')
      .matchAll(/^#+ (.*)$/gm),
  ].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )

/** What is wrong with a link of a page; `undefined` where nothing is, or it leads elsewhere. */
function brokenLink(page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? page : join(dirname(page), file)
  if (!existsSync(target)) return `${link}: there is no such file`
  if (anchor === undefined) return undefined
  if (statSync(target).isDirectory()) return `${link}: a folder has no headings, its README.md has`
  return anchorsOf(target).includes(anchor) ? undefined : `${link}: there is no such heading`
}

describe.each(pages().map(page => [relative(root, page), page]))('%s', (_, page) => {
  it('has short lines', () => {
    const long = linesOf(page!).filter(line => [...line].length > LONGEST_LINE)
    expect(long).toEqual([])
  })

  it('has links that lead somewhere', () => {
    const links = [...proseOf(page!).matchAll(/\]\(([^()\s]+)\)/g)].map(([, link]) => link!)
    expect(links.map(link => brokenLink(page!, link)).filter(Boolean)).toEqual([])
  })
})

it('the README is for somebody who has two minutes', () => {
  expect(linesOf(join(root, 'README.md')).length).toBeLessThanOrEqual(LONGEST_README + 1)
})
