import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Job } from '../index.ts'
import { CliError, ExitCode } from './exit-codes.ts'

/** A job of any copy of this library. */
export type AnyJob = Job<unknown, unknown, unknown, unknown>

const isJob = (value: unknown): value is AnyJob =>
  typeof value === 'object' &&
  value !== null &&
  'definition' in value &&
  typeof (value as Partial<AnyJob>).run === 'function'

/** The job that a module exports, as `default` or as `job`. */
export async function loadJob(path: string): Promise<AnyJob> {
  const file = resolve(path)
  if (!existsSync(file)) throw new CliError(`there is no module ${path}`, ExitCode.usage)
  if (/\.[cm]?tsx?$/.test(file)) await enableTypeScript(file)
  let exports: { readonly default?: unknown; readonly job?: unknown }
  try {
    exports = (await import(pathToFileURL(file).href)) as typeof exports
  } catch (error) {
    // The author of the module needs the stack trace.
    throw new CliError(`cannot load ${path}\n${error instanceof Error ? error.stack : String(error)}`)
  }
  for (const candidate of [exports.default, exports.job]) if (isJob(candidate)) return candidate
  throw new CliError(`${path} exports no job: export default job({ … })`, ExitCode.usage)
}

/** Enables Node to load TypeScript: with the `tsx` of the user's project, or natively where Node can. */
async function enableTypeScript(file: string): Promise<void> {
  let tsx: string
  try {
    tsx = createRequire(file).resolve('tsx')
  } catch {
    if ((process.features as { typescript?: unknown }).typescript) return
    throw new CliError(
      `${file} is TypeScript, which this Node (${process.version}) takes with tsx: npm install --save-dev tsx`,
    )
  }
  // The same as `node --import tsx`.
  await import(pathToFileURL(tsx).href)
}
