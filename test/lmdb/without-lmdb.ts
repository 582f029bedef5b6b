/** Opens a store where the package lmdb is not installed. */
import Module from 'node:module'
import { KVError, text } from 'rxkeeper'

const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
const resolve = loader._resolveFilename
loader._resolveFilename = (request, ...rest) => {
  if (request === 'lmdb') throw new Error("Cannot find module 'lmdb'")
  return resolve.call(loader, request, ...rest)
}
const { lmdbStore } = await import('rxkeeper/lmdb')
try {
  lmdbStore({ path: process.argv[2]!, value: text })
} catch (error) {
  if (error instanceof KVError) console.log(error.code, error.message)
}
