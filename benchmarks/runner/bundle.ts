import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const HERE = import.meta.dirname
const PACKAGE = resolve(HERE, '../..')

/**
 * Compiles the processes of the contenders, with this package from its source, to plain JavaScript as it is published:
 * a loader that compiles as it goes would add its own cost to what is measured.
 */
export async function bundle(): Promise<{ readonly worker: string; readonly writer: string } & Disposable> {
  // Beneath node_modules, so that the packages are found.
  const cache = join(PACKAGE, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'rxkeeper-benchmarks-'))
  const src = join(PACKAGE, 'src')
  await build({
    entryPoints: { worker: join(HERE, 'worker.ts'), writer: join(HERE, 'writer.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    // The longer name first: an alias is also a prefix.
    alias: { 'rxkeeper/lmdb': join(src, 'lmdb.ts'), rxkeeper: join(src, 'index.ts') },
    logLevel: 'warning',
  })
  return {
    worker: join(folder, 'worker.mjs'),
    writer: join(folder, 'writer.mjs'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
