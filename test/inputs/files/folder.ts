import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** A new folder, and what removes it. */
export function makeFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'rxkeeper-files-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A folder for the tests of a file, removed after the last; none where all are skipped. */
export function sharedFolder(): { readonly path: string } {
  let folder: ReturnType<typeof makeFolder> | undefined
  beforeAll(() => {
    folder = makeFolder()
  })
  afterAll(() => folder?.remove())
  return {
    get path() {
      return folder!.path
    },
  }
}
