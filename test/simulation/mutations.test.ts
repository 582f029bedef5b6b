import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { MUTATIONS, type Mutation } from './mutations.ts'
import { run } from './run.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['src', 'test/simulation', 'package.json', 'tsconfig.json']

let folder: string | undefined

afterEach(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true })
})

/** A copy of the sources with the defect put back. */
function mutated({ changes }: Mutation): string {
  const copy = mkdtempSync(join(tmpdir(), 'rxkeeper-mutation-'))
  folder = copy
  for (const each of COPIED) cpSync(join(ROOT, each), join(copy, each), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  for (const { file, from, to } of changes) {
    const source = readFileSync(join(copy, file), 'utf8')
    expect(source.split(from), `${file} has this once: ${from}`).toHaveLength(2)
    writeFileSync(
      join(copy, file),
      source.replace(from, () => to),
    )
  }
  return copy
}

for (const mutation of MUTATIONS) {
  const { defect, from, by } = mutation
  test(`the simulation finds by seed ${by} that ${defect}`, async () => {
    const args = ['--seed', String(from), '--seeds', String(by - from + 1), '--no-shrink']
    const { code, output } = await run(mutated(mutation), args)
    expect(output).toMatch(mutation.breaks)
    expect(code).toBe(1)
  })
}
