import type { Subscriber } from 'rxjs'
import { currentDemand } from '../base/demand.ts'
import { KVError } from '../base/errors.ts'
import type { Timing } from '../base/timing.ts'
import type { KeySpan, Scan } from '../contract/engine.ts'
import { compareKeys, prefixEnd } from '../contract/keys.ts'
import { ask } from './engine-call.ts'
import type { Range } from './kv-store.ts'

/** The keys of a range as a span; `undefined` if the range is empty. */
export function spanOf({ from, to, prefix }: Range, reverse = false): KeySpan | undefined {
  for (const [name, bound] of Object.entries({ from, to, prefix })) {
    if (bound !== undefined && (typeof bound !== 'string' || !bound.isWellFormed())) {
      throw new KVError('INVALID_ARGUMENT', `\`${name}\` must be a well-formed string, got ${String(bound)}`)
    }
  }
  const start = prefix === undefined || (from !== undefined && compareKeys(from, prefix) > 0) ? from : prefix
  const end = prefix === undefined ? undefined : prefixEnd(prefix)
  const stop = end === undefined || (to !== undefined && compareKeys(to, end) < 0) ? to : end
  if (start !== undefined && stop !== undefined && compareKeys(start, stop) >= 0) return undefined
  return { from: start, to: stop, reverse }
}

/** The receiver of the pages of a scan. */
interface PageSink<P> {
  /** Takes a page; returns false if no more are wanted. */
  page(items: readonly P[]): boolean
  /** Whether the next page must wait; `resume` is called when it need not any more. */
  waits?(resume: () => void): boolean
  end(): void
  error(error: KVError): void
}

/** Pulls the pages of a scan, one after the other; `timeout` applies to each. */
export function drain<P>(
  scan: Scan<P>,
  { timing, timeout }: { timing: Timing; timeout: number },
  sink: PageSink<P>,
): void {
  // A loop, so that an engine that answers synchronously does not deepen the stack.
  let pulling = false
  let wanted = true
  const pull = () => {
    if (pulling) return
    while (wanted && !sink.waits?.(pull)) {
      pulling = true
      wanted = false
      ask(scan.next({ deadline: timing.now() + timeout }), page => {
        if (page instanceof KVError) sink.error(page)
        else if (page.length === 0) sink.end()
        else {
          wanted = sink.page(page)
          if (wanted) pull()
        }
      })
      pulling = false
    }
  }
  pull()
}

/** Emits at most `limit` items of a scan, page by page, no faster than the operator below can take them. */
export function list<P, R>(
  scan: Scan<P>,
  limit: number,
  due: { timing: Timing; timeout: number },
  { emit, isHidden }: { emit(item: P): R; isHidden?: ((item: P) => boolean) | undefined },
  subscriber: Subscriber<R>,
): void {
  let left = limit
  const demand = currentDemand()
  subscriber.add(() => scan.close())
  drain(scan, due, {
    waits: resume => {
      if (demand === undefined || demand.open) return false
      demand.whenOpen(() => {
        if (!subscriber.closed) resume()
      })
      return true
    },
    page: items => {
      for (const item of items) {
        if (isHidden?.(item)) continue
        try {
          subscriber.next(emit(item))
        } catch (error) {
          subscriber.error(error)
        }
        if (--left === 0) subscriber.complete()
        if (subscriber.closed) return false
      }
      return true
    },
    end: () => subscriber.complete(),
    error: error => subscriber.error(error),
  })
}
