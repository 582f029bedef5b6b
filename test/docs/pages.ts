import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** The files of a folder, and of those in it, that end in `extension`. */
export const filesIn = (folder: string, extension: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith(extension))
    .map(file => join(root, folder, file))
    .sort()

/** Every page of documentation: those of the root, and the README of each room. */
export const pages = (): string[] =>
  readdirSync(root)
    .filter(file => file.endsWith('.md'))
    .map(file => join(root, file))
    .concat(['src', 'examples', 'benchmarks'].flatMap(folder => filesIn(folder, '.md')))
