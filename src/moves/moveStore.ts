import { randomUUID } from 'node:crypto'
import { Observable } from 'rxjs'
import { wholeNumber } from '../base/arguments.ts'
import { KVError } from '../base/errors.ts'
import { Move, type MoveProgress } from './move.ts'
import { placeOf } from './places.ts'
import { type Place, Side } from './side.ts'

/** Options of {@link moveStore$}. */
export interface MoveOptions {
  /** The URL of the store, as `openStore` takes it. */
  readonly from: string
  /** The URL of where it is to be: of an empty place, or of one that an earlier run of this move has begun to fill. */
  readonly to: string
  /**
   * How long an operation may take, in milliseconds; an outage that is shorter is waited for.
   * @defaultValue 60000
   */
  readonly timeout?: number | undefined
}

const DEFAULT_TIMEOUT = 60_000
const LONGEST_TIMEOUT = 2_147_483_647

/** A timeout that was given, or the one there is without. */
export const timeoutOf = (timeout: number | undefined): number =>
  wholeNumber('timeout', timeout ?? DEFAULT_TIMEOUT, 1, LONGEST_TIMEOUT)

/**
 * Moves a store to another place, another engine, or another number of ensembles, while it is used: copies it, follows what is
 * written meanwhile, closes the old place, compares both, and opens the new one. Emits how far it is, and completes when the
 * new place is open.
 *
 * From the cut-over on, every operation on the old place fails with `MOVED`, whose `movedTo` says where the store is, however
 * long ago its store was opened; whoever opens the new place before it is complete waits. Positions and outputs of jobs
 * that are kept beside the keys are moved with them. Versions begin anew.
 *
 * It can be run again, with the same URLs, when it was stopped or killed at whatever point, and goes on there; unsubscribing
 * stops it. Errors: `INVALID_ARGUMENT` for a URL that is none, and a target in use; `MOVED` where the store is elsewhere
 * already; `FENCED` where another run of the same move has taken over; `UNSUPPORTED` where an engine could not refuse who uses
 * it; and what the stores fail with.
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

/** {@link moveStore$} between places that are opened in some way. */
export function moveBetween$(from: Place, to: Place): Observable<MoveProgress> {
  if (from.url === to.url) {
    throw new KVError('INVALID_ARGUMENT', `${to.url} is where the store is already`)
  }
  return new Observable(subscriber => {
    const stopping = new AbortController()
    const work = async (): Promise<void> => {
      const run = randomUUID()
      await using source = new Side(from, run)
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
