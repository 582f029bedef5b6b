import type { Codec } from '../../../src/codecs.ts'
import { UNENCODABLE } from './perform.ts'
import type { Value } from './plan.ts'

/** JSON, but for one value that it refuses. */
export const codec: Codec<Value> = {
  encode(value) {
    if (value === UNENCODABLE) throw new Error('thrown by the simulated codec')
    return Buffer.from(JSON.stringify(value))
  },
  decode: bytes => JSON.parse(Buffer.from(bytes).toString()),
}
