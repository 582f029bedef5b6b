import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Codec, Job } from '../index.ts'
import { CliError, ExitCode } from './exit-codes.ts'

/** A job of any copy of this library. */
export type AnyJob = Job<unknown, unknown, unknown, unknown>

const isJob = (value: unknown): value is AnyJob =>
  typeof value === 'object' &&
  value !== null &&
  'definition' in value &&
  typeof (value as Partial<AnyJob>).run === 'function'

const isCodec = (value: unknown): value is Codec<unknown> =>
  typeof (value as Partial<Codec<unknown>> | undefined)?.encode === 'function' &&
  typeof (value as Partial<Codec<unknown>> | undefined)?.decode === 'function'

/** The job that a module exports, as `default` or as `job`. */
export async function loadJob(path: string): Promise<AnyJob> {
  const exports = await load(path)
  for (const candidate of [exports.default, exports.job]) if (isJob(candidate)) return candidate
  throw new CliError(`${path} exports no job: export default job({ … })`, ExitCode.usage)
}

/** The codec that a module exports, as `default` or as `codec`. */
export async function loadCodec(path: string): Promise<Codec<unknown>> {
  const exports = await load(path)
  for (const candidate of [exports.default, exports.codec]) if (isCodec(candidate)) return candidate
  throw new CliError(`${path} exports no codec: export default encrypted(bytes, …)`, ExitCode.usage)
}

type Exports = Readonly<Record<string, unknown>>

async function load(path: string): Promise<Exports> {
  const file = resolve(path)
  if (!existsSync(file)) throw new CliError(`there is no module ${path}`, ExitCode.usage)
  if (/\.[cm]?tsx?$/.test(file)) await enableTypeScript(file)
  try {
    return (await import(pathToFileURL(file).href)) as Exports
  } catch (error) {
    // The author of the module needs the stack trace.
    throw new CliError(`cannot load ${path}\n${error instanceof Error ? error.stack : String(error)}`)
  }
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
