import type { SavepointNode } from '../index.ts'
import { escapeControls } from './controls.ts'
import { CliError } from './exit-codes.ts'

/** What a job keeps beside the keys, as a line of a savepoint. */
export const nodeLineOf = ({ node, ensemble, of, value }: SavepointNode): string =>
  escapeControls(JSON.stringify({ node, ensemble, of, base64: Buffer.from(value).toString('base64') }))

/** What such a line says; `undefined` where it is of a key. */
export function nodeOfLine(line: string): SavepointNode | undefined {
  // Most lines are of keys, and are read but once.
  if (!line.startsWith('{"node":')) return undefined
  const { node, ensemble, of, base64 } = JSON.parse(line) as Record<string, unknown>
  if (!Array.isArray(node) || !node.every(name => typeof name === 'string')) {
    throw new CliError('`node` is no list of names')
  }
  if (!Number.isInteger(ensemble) || !Number.isInteger(of))
    throw new CliError('`ensemble` or `of` is no number')
  if (typeof base64 !== 'string') throw new CliError('`base64` is not a string')
  return { node, ensemble: ensemble as number, of: of as number, value: Buffer.from(base64, 'base64') }
}
