import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

const BENCHMARKS = resolve(import.meta.dirname, '..')
const PACKAGE = resolve(BENCHMARKS, '..')

/**
 * Compiles programs, named by their files below `benchmarks`, with this package from its source, to plain JavaScript as it is published:
 * a loader that compiles as it goes would add its own cost to what is measured.
 */
export async function bundle<N extends string>(
  programs: Readonly<Record<N, string>>,
): Promise<Readonly<Record<N, string>> & Disposable> {
  // Beneath node_modules, so that the packages are found.
  const cache = join(PACKAGE, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'rxkeeper-benchmarks-'))
  const names = Object.keys(programs) as N[]
  const src = join(PACKAGE, 'src')
  await build({
    entryPoints: Object.fromEntries(names.map(name => [name, join(BENCHMARKS, programs[name])])),
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
  const bundled = Object.fromEntries(names.map(name => [name, join(folder, `${name}.mjs`)]))
  return {
    ...(bundled as Record<N, string>),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
