import { randomUUID } from 'node:crypto'
import { Observable } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import { ONLOOKER } from '../contract/seal.ts'
import { Move, type MoveProgress } from './move.ts'
import { placeOf } from './places.ts'
import { type Place, Side } from './side.ts'

/** Options of {@link moveStore$}. */
export interface MoveOptions {
  /** The URL of the store, as `openStore` takes it. */
  readonly from: string
  /** The URL of the new place: an empty one, or one that an earlier run of this move has begun to fill. */
  readonly to: string
  /**
   * The timeout of an operation, in milliseconds; shorter outages are survived.
   * @defaultValue 60000
   */
  readonly timeout?: number | undefined
}

const DEFAULT_TIMEOUT = 60_000
const LONGEST_TIMEOUT = 2_147_483_647

/** The given timeout, or the default. */
export const timeoutOf = (timeout: number | undefined): number =>
  wholeNumber('timeout', timeout ?? DEFAULT_TIMEOUT, 1, LONGEST_TIMEOUT)

/**
 * Moves a store to another place, another engine, or another number of ensembles, while it is in use: copies it,
 * follows the changes made meanwhile, closes the old place, compares both, and opens the new one. Emits its progress,
 * and completes when the new place is open.
 *
 * From the cut-over on, every operation on the old place fails with `MOVED`, whose `movedTo` is the new place, however
 * long ago the store was opened; clients that open the new place before it is complete wait. The positions and outputs
 * of jobs are moved, too. Versions start again.
 *
 * If it was stopped or killed at any point, run it again with the same URLs: it continues. Unsubscribing stops it.
 * Errors: `INVALID_ARGUMENT` for an invalid URL, or a target in use; `MOVED` if the store has been moved elsewhere;
 * `FENCED` if another run of the same move has taken over; `UNSUPPORTED` if an engine cannot be sealed; and the errors
 * of the stores.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from 'node:fs'
 * import { firstValueFrom, lastValueFrom } from 'rxjs'
 * import { json, moveStore$, openStore } from 'rxkeeper'
 *
 * const folder = mkdtempSync('/tmp/example-')
 * const old = openStore(`lmdb:${folder}/old`, { value: json<number>() })
 * await firstValueFrom(old.put$('alice', 1))
 * const { phase } = await lastValueFrom(moveStore$({ from: `lmdb:${folder}/old`, to: `lmdb:${folder}/new` }))
 * console.log(phase) // moved
 * old.get$('alice').subscribe({ error: error => console.log(error.code) }) // MOVED
 * await old.close()
 * rmSync(folder, { recursive: true })
 * ```
 */
export function moveStore$({ from, to, timeout }: MoveOptions): Observable<MoveProgress> {
  const milliseconds = timeoutOf(timeout)
  return moveBetween$(placeOf(from, milliseconds), placeOf(to, milliseconds))
}

/** {@link moveStore$} between any two places. */
export function moveBetween$(from: Place, to: Place): Observable<MoveProgress> {
  if (from.url === to.url) {
    throw new KVError('INVALID_ARGUMENT', `${to.url} is where the store is already`)
  }
  return new Observable(subscriber => {
    const stopping = new AbortController()
    const work = async (): Promise<void> => {
      const run = randomUUID()
      await using source = new Side(from, ONLOOKER)
      await using target = new Side(to, run)
      await new Move(source, target, run, stopping.signal, progress => subscriber.next(progress)).run()
    }
    work().then(
      () => subscriber.complete(),
      error => subscriber.error(error),
    )
    return () => stopping.abort(new KVError('CLOSED', 'the move was stopped'))
  })
}
