import type { BytesPut, Mutation } from '../store/kv-store.ts'
import type { DeadLetter, ProcessOptions } from './processKV.ts'
import type { FiredTimer } from './timers.ts'

/**
 * How event time advances in operators with final results: options of {@link windowKV} and {@link sessionKV} with
 * `emit: 'final'`, and of {@link joinKV}.
 *
 * The watermark is the current event time: the time of the newest record minus the lateness. The commits store it, so
 * that it does not go back after a restart or a move.
 */
export interface EventTimeOptions<T, V, R>
  extends Pick<
    ProcessOptions<T, V, V, unknown>,
    'commitSize' | 'remember' | 'commitWith' | 'partition' | 'positionOf'
  > {
  /**
   * The name under which timers and watermark are stored, if there is no `partition`. One subscription at a time owns
   * it: a later one, in any process, takes it over, and the earlier one ends with `FENCED`.
   */
  readonly name?: string | undefined
  /**
   * After this long without a record, in whole milliseconds, the watermark advances with the clock, until records come
   * again; so results become final even if no more records come.
   * @defaultValue never: only records advance it
   */
  readonly idleAfter?: number | undefined
  /**
   * Whether the end of the source is the end of event time, so that all results are final then: for complete inputs.
   * (An input that was only stopped has not ended.)
   * @defaultValue false: open results stay in the store, for the next run
   */
  readonly closeAtEnd?: boolean | undefined
  /**
   * Further writes for the commit that makes these results final: they are written with it, exactly once. They must be
   * on keys of their own; a put of `bytes` bypasses the codec. May be called again if the commit is repeated.
   * @defaultValue none
   */
  readonly commitOutputs?: ((results: readonly R[]) => Iterable<Mutation<V> | BytesPut>) | undefined
  /**
   * Gets each record that fails, as with `processKV`, and each late record, with the code `LATE`. For a result that
   * cannot be stored it gets the timer, instead of a record.
   * @defaultValue `'fail'`: the error ends the stream
   */
  readonly deadLetter?: 'fail' | ((letter: DeadLetter<T | FiredTimer>) => void) | undefined
}
