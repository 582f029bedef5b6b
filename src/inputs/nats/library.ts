import { createRequire } from 'node:module'
import type * as Library from '@nats-io/jetstream'
import { KVError } from '../../base/errors.ts'

/** Loads the client library, which is optional. */
export function jetstreamLibrary(): Pick<typeof Library, 'jetstream' | 'jetstreamManager'> {
  try {
    return createRequire(import.meta.url)('@nats-io/jetstream')
  } catch (cause) {
    const message = 'NATS needs the npm package "@nats-io/jetstream": npm install @nats-io/jetstream'
    throw new KVError('UNSUPPORTED', message, { cause })
  }
}
