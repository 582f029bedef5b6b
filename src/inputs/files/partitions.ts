import { stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'
import { KVError } from '../../base/errors.ts'
import type { FileFormat, FilesConfig } from './options.ts'

/** A part of a file: the records that begin in a byte range, or all. */
export interface FilePart {
  readonly name: string
  readonly path: string
  readonly format: FileFormat
  readonly from: number
  readonly to: number
}

/**
 * The names of the parts of a file of `size` bytes. They depend on the size of a part, not on that of the file: when it
 * grows, parts are added and none is renamed.
 */
function namesOf(file: string, size: number, partitionBytes: number): string[] {
  if (partitionBytes === Number.POSITIVE_INFINITY) return [file]
  const count = Math.max(1, Math.ceil(size / partitionBytes))
  return Array.from({ length: count }, (_, i) => `${file}#${i * partitionBytes}-${(i + 1) * partitionBytes}`)
}

/** The part with this name; throws `INVALID_ARGUMENT` where there is none. */
export function partOf(name: string, config: FilesConfig<unknown>): FilePart {
  const [, split, from, to] = /^(.+)#(\d+)-(\d+)$/s.exec(name) ?? []
  const part = (file: string, from: number, to: number): FilePart => {
    return { name, path: resolve(config.cwd, file), format: config.formatOf(file), from, to }
  }
  if (split !== undefined) {
    const bytes = config.partitionBytes(config.formatOf(split))
    if (Number(from) % bytes === 0 && Number(to) - Number(from) === bytes)
      return part(split, Number(from), Number(to))
  }
  if (name !== '' && config.partitionBytes(config.formatOf(name)) === Number.POSITIVE_INFINITY) {
    return part(name, 0, Number.POSITIVE_INFINITY)
  }
  throw new KVError('INVALID_ARGUMENT', `no partition of this input: ${JSON.stringify(name)}`)
}

/** Throws `INVALID_ARGUMENT` for a position that this part cannot have. */
export function checkPosition({ name, from }: FilePart, position: number | undefined): void {
  if (position === undefined || (Number.isSafeInteger(position) && position > from)) return
  throw new KVError('INVALID_ARGUMENT', `no position of ${name}: ${JSON.stringify(position)}`)
}

const isFile = async (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isFile(),
    () => false,
  )

async function filesOf({ patterns, cwd }: FilesConfig<unknown>): Promise<string[]> {
  const named: string[] = []
  const globbed: string[] = []
  // A file name may look like a pattern: `a[1].csv`.
  for (const pattern of patterns) {
    if (await isFile(resolve(cwd, pattern))) named.push(relative(cwd, resolve(cwd, pattern)))
    else globbed.push(pattern)
  }
  const found = globbed.length === 0 ? [] : await glob(globbed, { cwd, expandDirectories: false })
  return [...new Set([...named, ...found].map(file => join(file).split(sep).join('/')))].sort()
}

/** The names of all current partitions. */
export async function listPartitions(config: FilesConfig<unknown>): Promise<string[]> {
  const files = await filesOf(config)
  const names = await Promise.all(
    files.map(async file => {
      const { size } = await stat(resolve(config.cwd, file))
      return namesOf(file, size, config.partitionBytes(config.formatOf(file)))
    }),
  )
  return names.flat()
}
