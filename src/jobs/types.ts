import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Observable, OperatorFunction, SchedulerLike } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { Codec } from '../codecs.ts'
import type { Status } from '../contract/engine.ts'
import type { Delivered, PartitionedInput } from '../inputs/partitioned-input.ts'
import type { Snapshot } from '../metrics/snapshot.ts'
import type { DeadLetter, ProcessOptions } from '../operators/processKV.ts'
import type { FiredTimer } from '../operators/timers.ts'
import type { KVStore } from '../store/kv-store.ts'
import type { ConfigSource } from './config.ts'

/** What a job passes to its functions. */
export interface JobContext<V, C> {
  /** The name of the job. */
  readonly name: string
  /** The validated config. */
  readonly config: C
  /** The store, open. */
  readonly store: KVStore<V>
  /**
   * Up to where the input was read, and the outputs were taken, when the job last ran; `undefined` without a
   * `position`.
   */
  readonly position: unknown
}

/**
 * The source of the records. An iterable, such as a Node `Readable`, is read no faster than its records are processed.
 * So is a {@link PartitionedInput}; all processes that run the job on the same store share its partitions.
 */
export type JobInput<T> = Observable<T> | AsyncIterable<T> | Iterable<T> | PartitionedInput<T, unknown>

/** What a job passes to its sinks: besides the job's context, the origin of the output. */
export interface SinkContext<V, C> extends Omit<JobContext<V, C>, 'position'> {
  /** The partition of the record, if the input has partitions: see `identityOf`. */
  readonly partition: string | undefined
  /** The position after the record, where one is kept; else `undefined`. */
  readonly position: unknown
}

/**
 * Takes the outputs of a job one by one, in order (per partition, if the input has partitions). An Observable or a
 * promise that it returns is awaited before the next output; its error, or a throw, fails the job.
 */
export type JobSink<R, V, C> = (output: R, context: SinkContext<V, C>) => unknown

/** How a job keeps its position. */
export interface JobPosition<T> {
  /**
   * The name of the node, beside the keys, that holds the position: jobs on the same root need different names. (If
   * version 0.1.0 kept a position as the value of this key, the job goes on from there, and deletes the key.)
   */
  readonly key: string
  /** The position after this record. JSON. */
  of(record: T): unknown
}

/** What a job passes to its `pipeline`. */
export interface JobPipelineContext<T, V, C> extends JobContext<V, C> {
  /**
   * Options for the operator that writes the state (`processKV`, `windowKV`, `sessionKV`, `historyKV`): its commits
   * then carry the position, and records that fail go to the job's `deadLetter`. Only one operator may take them; where
   * a position is kept, one must. The operators after it must be synchronous: an output that is still inside them when
   * the process dies is not delivered again.
   */
  readonly commit: Pick<
    ProcessOptions<Delivered<T, unknown>, never, never>,
    'partition' | 'positionOf' | 'commitSize'
  > & {
    /** Takes out records, and timers, that fail. */
    readonly deadLetter: 'fail' | ((letter: DeadLetter<Delivered<T, unknown> | FiredTimer>) => void)
  }
}

/** The options of every {@link job}. */
export interface JobBase<T, V, R, C> {
  /** Used in messages and events, and as the prefix of environment variables. */
  readonly name: string
  /**
   * The schema of the config, from any library that follows Standard Schema (valibot, zod, ArkType, …).
   * @defaultValue none: the config is not validated
   */
  readonly config?: StandardSchemaV1<unknown, C> | undefined
  /** The codec of the values, for a store that the job opens itself. */
  readonly value: Codec<V>
  /**
   * The state: a store, which stays open; or a URL for `openStore`, or a function that makes a store, which are closed
   * at the end.
   * @defaultValue the `store` of `run`, else the URL in the environment variable `RXKEEPER_STORE`
   */
  readonly store?: KVStore<V> | string | ((config: C) => KVStore<V> | Promise<KVStore<V>>) | undefined
  /**
   * The records, or a function that makes them; a `PartitionedInput` made by it is closed at the end. With a
   * `PartitionedInput`, the processes that run the job form a group on the store: each partition is processed by one of
   * them at a time, from its last position, and when a process leaves or dies, the others take its partitions over. The
   * commits of the state hold the position of each partition, and no commit of a process that has lost the partition is
   * carried out. Such a job ends when all partitions are at their end, whoever processed them.
   * @defaultValue the `input` of `run`
   */
  readonly input?: JobInput<T> | ((context: JobContext<V, C>) => JobInput<T>) | undefined
  /**
   * The name of the group of processes that share the partitions of the `input`.
   * @defaultValue the `name`
   */
  readonly group?: string | undefined
  /**
   * Takes the outputs, once their state is durable.
   * @defaultValue `'none'`
   */
  readonly output?: JobSink<R, V, C> | 'none' | undefined
  /**
   * Takes the records that fail (`CALLBACK`, `INVALID_KEY`, `CODEC`, `VALUE_TOO_LARGE`), in order with the outputs.
   * @defaultValue `'fail'`: such a record fails the job
   */
  readonly deadLetter?: JobSink<DeadLetter<T>, V, C> | 'fail' | undefined
  /**
   * Keeps the position in the store, in the same commits as the state, so that a job that was stopped or killed counts
   * no record twice: `input` must begin after `context.position`. When a second run claims the same position, the first
   * can commit nothing more and fails with `FENCED`. Outputs come at least once: those of a killed run that were
   * committed but not taken, of at most eight commits, are delivered again (`input` then begins before them). To be
   * able to, each commit also writes the former values of its keys into nodes beside the keys, so it has room for fewer
   * large values.
   * @defaultValue none: after a crash, records may be processed again. Not allowed with a `PartitionedInput`, which has
   * its own
   */
  readonly position?: JobPosition<T> | undefined
  /**
   * Publishes the figures in the store under this name, for `rxkeeper monitor` to show. No other process may use it at
   * the same time. The codec must take plain objects, as `json` does.
   * @defaultValue none: figures are not published
   */
  readonly publish?: string | undefined
  /** The size of a record, in bytes, for the figures. */
  readonly bytesOf?: ((record: T) => number) | undefined
}

/** A job that keeps a value for each key, as `processKV` does: {@link job}. */
export interface JobDefinition<T, V, N extends V | undefined, R, C> extends JobBase<T, V, R, C> {
  /** The key of a record. */
  readonly keyOf: (record: T, config: C) => string
  /** The new value of the record's key; `undefined` deletes it. Must be pure: it may be called again for a record. */
  readonly transform: (record: T, value: V | undefined, config: C) => N
  /**
   * Makes the output of a record. Must be pure, as `transform`.
   * @defaultValue `[record, value]`
   */
  readonly project?: ((record: T, value: N, previous: V | undefined) => R) | undefined
  /**
   * Options of `processKV`; with a `PartitionedInput` they apply per partition, and `commitSize` is 2048 by default.
   */
  readonly process?:
    | Pick<ProcessOptions<T, V, N, R>, 'commitSize' | 'remember' | 'unchanged' | 'expireAfter'>
    | undefined
  readonly pipeline?: undefined
}

/** A job of any pipeline: {@link job}. */
export interface JobPipelineDefinition<T, V, R, C> extends JobBase<T, V, R, C> {
  /**
   * Makes the pipeline, of any operators; called once per partition. One of its operators that keep state takes {@link
   * JobPipelineContext.commit} among its options. Records come with their position, as `{ record, position }`. It must
   * complete after its source, and be pure: after a crash, records may go through it again.
   */
  readonly pipeline: (context: JobPipelineContext<T, V, C>) => OperatorFunction<Delivered<T, unknown>, R>
  /**
   * The `{ record, position }` that an output comes from, for the figures and the sink's `position`.
   * @defaultValue the output itself or its first element, which is right for the outputs of this library's operators
   */
  readonly recordOf?: ((output: R) => Delivered<T, unknown> | undefined) | undefined
  readonly keyOf?: undefined
  readonly transform?: undefined
}

/** Options of {@link Job.run}. They override those of the job. */
export interface RunOptions<T, V, R, C> {
  /**
   * The config: an object, `configFile` or `configEnvironment`; of several, later fields win.
   * @defaultValue `{}`
   */
  readonly config?: ConfigSource | readonly ConfigSource[] | undefined
  /** The store, instead of the definition's. */
  readonly store?: JobBase<T, V, R, C>['store']
  /** The input, instead of the definition's. */
  readonly input?: JobBase<T, V, R, C>['input']
  readonly group?: string | undefined
  readonly output?: JobSink<R, V, C> | 'none' | undefined
  readonly deadLetter?: JobSink<DeadLetter<T>, V, C> | 'fail' | undefined
  readonly publish?: string | undefined
  /**
   * The time between figures, in milliseconds.
   * @defaultValue 1000
   */
  readonly interval?: number | undefined
  /**
   * The signals that stop the job: the first in good order, a second at once. The same signal within 250 ms does not
   * count: at Ctrl-C, npm sends another one to its child process.
   * @defaultValue `['SIGINT', 'SIGTERM']`
   */
  readonly signals?: readonly NodeJS.Signals[] | undefined
  /**
   * The clock of the figures; give a `TestScheduler`, to the store, too, to test on virtual time.
   * @defaultValue the process's clock
   */
  readonly scheduler?: SchedulerLike | undefined
}

/** The figures of a run. */
export interface JobFigures extends Snapshot {
  /** How many outputs `output` has taken. */
  readonly outputs: number
  /** How many records `deadLetter` has taken. */
  readonly deadLetters: number
}

/** Why a run stops: its input ended or failed, or it was asked to. */
export type StopReason = 'end of input' | 'failure' | 'stop' | NodeJS.Signals

/** The result of a run that did not fail. */
export interface JobResult {
  readonly reason: StopReason
  /** Whether it was stopped at once: what was in flight may or may not be written, and has no output. */
  readonly aborted: boolean
  /**
   * The exit code for a process that ran this job: 0; 130 after `SIGINT`; 128 plus the number of any other signal that
   * stopped it at once.
   */
  readonly exitCode: number
  readonly figures: JobFigures
}

/** The events of a run. */
export type JobEvent<T> =
  | { readonly type: 'started'; readonly name: string }
  | { readonly type: 'status'; readonly status: Status }
  | { readonly type: 'figures'; readonly figures: JobFigures }
  | { readonly type: 'dead letter'; readonly letter: DeadLetter<T> }
  /** The partitions that this process owns now. */
  | { readonly type: 'partitions'; readonly owned: readonly string[] }
  /**
   * A partition was lost: another process owns it (`FENCED`), or it cannot be processed at the moment (`UNAVAILABLE`,
   * `TIMEOUT`, `INDETERMINATE`) and is taken up again after a pause.
   */
  | { readonly type: 'lost'; readonly partition: string; readonly error: KVError }
  | { readonly type: 'stopping'; readonly reason: StopReason }
  | { readonly type: 'stopped'; readonly result: JobResult }

/** A running job: an Observable of its events, and a promise of its result. */
export interface JobRun<T> extends Observable<JobEvent<T>>, PromiseLike<JobResult> {
  /** Stops taking records, lets what is in flight finish, and ends. */
  stop(reason?: StopReason): void
  /** Ends at once. */
  abort(reason?: StopReason): void
}

/** A job, made by {@link job}. */
export interface Job<T, V, R, C, D = JobDefinition<T, V, V | undefined, R, C>> {
  readonly name: string
  /** The definition that was passed to {@link job}. */
  readonly definition: D
  /**
   * Starts the job. The result can be awaited, subscribed to, both, or neither.
   *
   * Emits the events from the start, even to late subscribers (of figures and status the latest, of dead letters only
   * new ones), and completes after `stopped`. Fails, as the promise does, with `INVALID_ARGUMENT` for a bad config or
   * option, naming the field; with the error of `processKV` or of the `pipeline`; with `CALLBACK` where a sink failed;
   * with the error of the input, after the outputs of the records before.
   */
  run(options?: RunOptions<T, V, R, C>): JobRun<T>
}
