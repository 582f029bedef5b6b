/** Makes an input where its client library is not installed: `without-client.ts PACKAGE SUBPATH FUNCTION`. */
import Module from 'node:module'
import { KVError } from 'rxkeeper'

const [missing, subpath, make] = process.argv.slice(2) as [string, string, string]
const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
const resolve = loader._resolveFilename
loader._resolveFilename = (request, ...rest) => {
  if (request.startsWith(missing)) throw new Error(`Cannot find module '${request}'`)
  return resolve.call(loader, request, ...rest)
}
const module = (await import(`rxkeeper/inputs/${subpath}`)) as Record<string, (options: object) => unknown>
try {
  const options = { decode: () => 0, stream: 'S', connect: () => {}, topic: 't', kafka: { brokers: ['a:1'] } }
  module[make]!(options)
} catch (error) {
  if (error instanceof KVError) console.log(error.code, error.message)
}
