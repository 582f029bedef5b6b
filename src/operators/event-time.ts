import type { BytesPut, Mutation } from '../store/kv-store.ts'
import type { DeadLetter, ProcessOptions } from './processKV.ts'
import type { FiredTimer } from './timers.ts'

/**
 * How event time goes forward in operators whose results are final at some time: options of {@link windowKV} and
 * {@link sessionKV} with `emit: 'final'`, and of {@link joinKV}.
 *
 * The watermark is how far event time has come: the time of the newest record less the lateness. It is kept in the commits, so
 * that it does not go back after a restart or a move.
 */
export interface EventTimeOptions<T, V, R>
  extends Pick<
    ProcessOptions<T, V, V, unknown>,
    'commitSize' | 'remember' | 'commitWith' | 'partition' | 'positionOf'
  > {
  /**
   * Under which name it is kept what is due, and the watermark, where there is no `partition`. One subscription at a time has
   * it: a later one, in whatever process, takes it over, and the earlier one ends with `FENCED`.
   */
  readonly name?: string | undefined
  /**
   * After how long without a record, by the clock, in whole milliseconds, the watermark goes on with the clock, until records
   * come again; so that results are final also where nothing more comes.
   * @defaultValue never: it goes forward with the records alone
   */
  readonly idleAfter?: number | undefined
  /**
   * Whether the end of the source is the end of time, so that all results are final then: for inputs that are complete. (One that
   * was only stopped has not come to its end.)
   * @defaultValue false: what is not final stays in the store, for the next run
   */
  readonly closeAtEnd?: boolean | undefined
  /**
   * Further writes for the commit in which these results are final: they are written with it, once, whatever dies when. On keys of
   * their own; a put of `bytes` is stored as it is, whatever the store's codec. May be called again for a commit that is repeated.
   * @defaultValue none
   */
  readonly commitOutputs?: ((results: readonly R[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  /**
   * Gets each record that fails by itself, as of `processKV`, and each that is late: `LATE`. Of a result that cannot be stored it gets
   * the timer, in place of a record.
   * @defaultValue `'fail'`: the error ends the stream
   */
  readonly deadLetter?: 'fail' | ((letter: DeadLetter<T | FiredTimer>) => void) | undefined
}
