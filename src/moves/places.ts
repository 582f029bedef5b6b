import { KVError } from '../base/errors.ts'
import { bytes } from '../codecs/bytes.ts'
import { openFor } from '../engines/open-store.ts'
import { parseStoreUrl, showStoreUrl } from '../engines/store-url.ts'
import type { Place } from './side.ts'

/**
 * The place of a URL; its recorded URL has neither user nor password.
 *
 * @param timeout the timeout of an operation, in milliseconds
 */
export function placeOf(url: string, timeout: number): Place {
  if (parseStoreUrl(url).type === 'memory') {
    throw new KVError(
      'INVALID_ARGUMENT',
      `${showStoreUrl(url)} is a new store each time, which nothing can be moved to`,
    )
  }
  return {
    url: url.replace(/^(zookeeper(?:\+tls)?:\/\/)[^/]*@/, '$1'),
    open: mover => openFor(mover, url, { value: bytes, timeout }),
  }
}
