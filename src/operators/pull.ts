import { asyncScheduler, Observable, type Subscriber } from 'rxjs'
import { currentDemand, type Demand, withDemand } from '../base/demand.ts'
import { KVError } from '../base/errors.ts'

/** How long to emit records before the event loop gets a turn, in milliseconds. */
const SLICE = 20

/** How many records to emit between two looks at the clock. */
const RECORDS_PER_LOOK = 256

/** Gives the event loop a turn now and then. */
class Slices {
  #until = RECORDS_PER_LOOK
  #since = asyncScheduler.now()

  /** Whether it is time to give the event loop a turn; to be read once per record. */
  get over(): boolean {
    if (--this.#until > 0) return false
    this.#until = RECORDS_PER_LOOK
    return asyncScheduler.now() - this.#since >= SLICE
  }

  /** Calls `resume` in a later turn. */
  turn(resume: () => void): void {
    asyncScheduler.schedule(() => {
      this.#since = asyncScheduler.now()
      resume()
    })
  }
}

/** Emits the values of `iterator`; all at once if there is no demand to follow. */
function pullSync<T>(iterator: Iterator<T>, demand: Demand | undefined, subscriber: Subscriber<T>): void {
  const slices = new Slices()
  let exhausted = false
  let advancing = false
  // A generator cannot be closed while it is computing a value: it is closed afterwards.
  const close = (): void => {
    if (!exhausted && !advancing) iterator.return?.()
  }
  const next = (): IteratorResult<T> | undefined => {
    advancing = true
    try {
      return iterator.next()
    } catch (error) {
      exhausted = true
      subscriber.error(error)
      return undefined
    } finally {
      advancing = false
    }
  }
  const emit = (): void => {
    while (!subscriber.closed) {
      if (demand !== undefined) {
        if (!demand.open) {
          demand.whenOpen(resume)
          return
        }
        if (slices.over) {
          slices.turn(resume)
          return
        }
      }
      const result = next()
      if (result === undefined) return
      if (result.done) {
        exhausted = true
        subscriber.complete()
      } else if (subscriber.closed) close()
      else subscriber.next(result.value)
    }
  }
  // Sources that are subscribed to because of an emission, such as the next file of a `concatMap`, follow the same
  // demand.
  const resume = (): void => withDemand(demand, emit)
  subscriber.add(close)
  resume()
}

/** Emits the values of `iterator`, and returns when there are no more. */
async function pullAsync<T>(
  iterator: AsyncIterator<T>,
  demand: Demand | undefined,
  subscriber: Subscriber<T>,
): Promise<void> {
  const slices = new Slices()
  while (!subscriber.closed) {
    if (demand !== undefined && !demand.open) await new Promise<void>(resume => demand.whenOpen(resume))
    else if (slices.over) await new Promise<void>(resume => slices.turn(resume))
    else {
      const result = await iterator.next()
      if (result.done) return
      withDemand(demand, () => subscriber.next(result.value))
    }
  }
}

/** A Node stream; destroying it also ends a pending read, which closing its iterator does not. */
const isStream = (records: object): records is { destroy(): unknown } =>
  'destroy' in records && typeof records.destroy === 'function' && 'readable' in records

/**
 * A source that is read no faster than it is processed.
 *
 * RxJS pushes: records that `from(readable)` has read, and that cannot be processed yet, wait in memory. But
 * subscribing is synchronous, so `pull$` finds the operator of this library that it feeds, through `map`, `filter`,
 * `concatMap` and all others that subscribe synchronously, and reads on only while that operator has capacity. So a
 * pipeline of any length holds a bounded number of records. Without such an operator it emits as `from` does.
 *
 * Emits the values of the iterable, and completes after the last; fails with the error that the iterable throws.
 * Unsubscribing closes the iterator; a Node stream is destroyed.
 *
 * @example
 * ```ts
 * import { filter } from 'rxjs'
 * import { json, memoryStore, processKV, pull$ } from 'rxkeeper'
 *
 * async function* readings() {
 *   for (let second = 0; second < 100; second++) yield { sensor: `s${second % 3}`, degrees: 20 + (second % 7) }
 * }
 * const highest = memoryStore({ value: json<number>() })
 * pull$(readings()).pipe(
 *   filter(reading => reading.degrees > 20),
 *   processKV(highest, reading => reading.sensor, (reading, degrees = 0) => Math.max(degrees, reading.degrees)),
 * ).subscribe({ complete: () => highest.get$('s1').subscribe(degrees => console.log(degrees)) }) // 26
 * ```
 *
 * @param records an array, a generator, an async generator, a Node `Readable`, …
 */
export function pull$<T>(records: Iterable<T> | AsyncIterable<T>): Observable<T> {
  if (Symbol.asyncIterator in Object(records)) {
    const source = records as AsyncIterable<T>
    return new Observable(subscriber => {
      const demand = currentDemand()
      const iterator = source[Symbol.asyncIterator]()
      let exhausted = false
      subscriber.add(() => {
        if (exhausted) return
        if (isStream(source)) source.destroy()
        // Nobody is left to receive its error.
        else Promise.resolve(iterator.return?.()).catch(() => {})
      })
      const end = (last: () => void): void => {
        exhausted = true
        last()
      }
      pullAsync(iterator, demand, subscriber).then(
        () => end(() => withDemand(demand, () => subscriber.complete())),
        error => end(() => subscriber.error(error)),
      )
    })
  }
  if (Symbol.iterator in Object(records)) {
    const source = records as Iterable<T>
    return new Observable(subscriber => pullSync(source[Symbol.iterator](), currentDemand(), subscriber))
  }
  throw new KVError('INVALID_ARGUMENT', '`records` must be an iterable or an async iterable')
}
