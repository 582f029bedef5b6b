/**
 * Builds the package: `tsx build.ts`.
 *
 * The library is compiled file by file. The command line becomes one bundle with the packages that only it needs, and the
 * monitor's page brings its charts along, so that who uses the library installs neither; their licences are in the package.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'
import manifest from './package.json' with { type: 'json' }

const repository = fileURLToPath(new URL('.', import.meta.url))
const cli = join(repository, 'src/cli')
const packages = join(repository, 'node_modules')

/** The files of uPlot that the page loads, under the names that they have there. */
const CHARTS = { 'uPlot.esm.js': 'uPlot.js', 'uPlot.min.css': 'uPlot.css' }

/** The library stays outside of the bundle: a job that is loaded must find itself in the same one. */
const library: Plugin = {
  name: 'library',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\.?\// }, ({ path, importer, resolveDir }) => {
      const file = resolve(resolveDir, path)
      if (!importer.startsWith(cli + sep) || file.startsWith(cli + sep)) return undefined
      return { path: relative(cli, file).replaceAll(sep, '/').replace(/\.ts$/, '.js'), external: true }
    })
  },
}

async function bundleCommandLine(out: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: repository,
    entryPoints: ['src/cli/main.ts'],
    outdir: out,
    bundle: true,
    splitting: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    external: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    plugins: [library],
    // What is CommonJS among the packages asks for Node's own modules so.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'\nconst require = createRequireOfBundle(import.meta.url)",
    },
    logLevel: 'warning',
  })
  return metafile
}

/** The folders of the packages in a bundle. */
const bundled = ({ inputs }: Metafile): string[] =>
  Object.keys(inputs).flatMap(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])

/** The licences of packages, one after the other. */
const licencesOf = (folders: ReadonlySet<string>): string =>
  [...folders]
    .map(licenceOf)
    .sort()
    .join(`\n${'-'.repeat(80)}\n\n`)

function licenceOf(path: string): string {
  const folder = join(repository, path)
  const file = readdirSync(folder).find(each => /^licen[cs]e/i.test(each))
  if (file === undefined) throw new Error(`${path} has no file with its licence`)
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
  }
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}

/** Builds into `dist`, which is emptied before. Types are checked unless told otherwise. */
export async function buildPackage(dist: string, { check = true } = {}): Promise<void> {
  rmSync(dist, { recursive: true, force: true })
  const args = ['-p', join(repository, 'src'), '--outDir', dist, ...(check ? [] : ['--noCheck'])]
  const { status, stdout } = spawnSync(join(packages, '.bin/tsc'), args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the build failed:\n${stdout}`)
  const commandLine = join(dist, 'cli')
  rmSync(commandLine, { recursive: true })
  const metafile = await bundleCommandLine(commandLine)
  const page = join(dist, 'monitor/page')
  cpSync(join(repository, 'src/monitor/page'), page, { recursive: true })
  for (const [file, name] of Object.entries(CHARTS)) {
    copyFileSync(join(packages, 'uplot/dist', file), join(page, name))
  }
  writeFileSync(join(dist, 'LICENSES.txt'), licencesOf(new Set([...bundled(metafile), 'node_modules/uplot'])))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage(join(repository, 'dist'))
