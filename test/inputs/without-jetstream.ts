/** Makes an input where the package @nats-io/jetstream is not installed. */
import Module from 'node:module'
import { KVError } from 'rxkeeper'

const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
const resolve = loader._resolveFilename
loader._resolveFilename = (request, ...rest) => {
  if (request.startsWith('@nats-io/')) throw new Error(`Cannot find module '${request}'`)
  return resolve.call(loader, request, ...rest)
}
const { natsInput } = await import('rxkeeper/inputs/nats')
try {
  natsInput({ connect: () => Promise.reject(new Error('never')), stream: 'S', decode: () => 0 })
} catch (error) {
  if (error instanceof KVError) console.log(error.code, error.message)
}
