import { Observable } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { StoredEntry } from '../contract/engine.ts'
import type { Access, Writer } from '../store/access.ts'
import { drain } from '../store/listing.ts'
import type { Room, Tally } from './tally.ts'

/** Looks at all values, page by page, and writes those anew that are not current; emits after each page, and completes. */
export const values$ = <V>(room: Room<V>, tally: Tally): Observable<void> =>
  new Observable(subscriber => {
    // With their headers: what expires, or has timers, goes on to.
    const access = room.access.headed
    const scan = room.engine.entries({})
    subscriber.add(() => scan.close())
    let writing = 0
    let resume = (): void => {}
    const settled = (error: KVError | undefined): void => {
      writing--
      const fatal = tally.count(error)
      if (fatal !== undefined) subscriber.error(fatal)
      if (writing > 0 || subscriber.closed) return
      subscriber.next()
      resume()
    }
    const writer: Writer = {
      get withdrawn() {
        return subscriber.closed
      },
      written: () => settled(undefined),
      failed: settled,
    }
    drain(scan, room, {
      // The page before is written first, so that there is no more under way than what one page has.
      waits: go => {
        resume = go
        return writing > 0
      },
      page: entries => {
        // Counted as one more until the page is through: the first may be settled at once.
        writing = 1
        for (const entry of entries) {
          tally.seen++
          tally.key = entry.key
          const error = rewrite(access, room.timeout, entry, writer, () => writing++)
          if (error !== undefined) tally.count(error)
        }
        writing--
        if (writing === 0) subscriber.next()
        return !subscriber.closed
      },
      end: () => subscriber.complete(),
      error: error => subscriber.error(error),
    })
  })

/** Begins to write a value anew, unless it is current; returns the codec's error where it cannot. */
function rewrite<V>(
  access: Access<V>,
  timeout: number,
  { key, value: bytes, version }: StoredEntry,
  writer: Writer,
  begins: () => void,
): KVError | undefined {
  let value: V
  try {
    if (access.isCurrent(key, bytes)) return undefined
    value = access.decode(key, bytes)
  } catch (error) {
    return error as KVError
  }
  begins()
  access.write({ type: 'put', key, value, ifVersion: version }, writer, timeout)
  return undefined
}
