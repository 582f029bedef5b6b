import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Observable, OperatorFunction, SchedulerLike } from 'rxjs'
import type { KVError } from '../base/errors.ts'
import type { Codec } from '../codecs.ts'
import type { Status } from '../contract/engine.ts'
import type { Delivered, PartitionedInput } from '../inputs/partitioned-input.ts'
import type { Snapshot } from '../metrics/snapshot.ts'
import type { DeadLetter, ProcessOptions } from '../operators/processKV.ts'
import type { KVStore } from '../store/kv-store.ts'
import type { ConfigSource } from './config.ts'

/** What a job tells the functions it was given. */
export interface JobContext<V, C> {
  /** The name of the job. */
  readonly name: string
  /** The config, validated. */
  readonly config: C
  /** The store, open. */
  readonly store: KVStore<V>
  /**
   * How far the input was read, and the outputs were taken, when the job last ran, where it keeps a `position`; else
   * `undefined`.
   */
  readonly position: unknown
}

/**
 * Where records come from. An iterable, a Node `Readable` among them, is read no faster than its records are processed; so
 * is a {@link PartitionedInput}, whose partitions are shared by all processes that run the job on the same store.
 */
export type JobInput<T> = Observable<T> | AsyncIterable<T> | Iterable<T> | PartitionedInput<T, unknown>

/** What a job tells its sinks of an output: beside the job's context, of which record it is. */
export interface SinkContext<V, C> extends Omit<JobContext<V, C>, 'position'> {
  /** The partition of the record, where the input has partitions: see `identityOf`. */
  readonly partition: string | undefined
  /** How far the input is read with this record, where that is kept; else `undefined`. */
  readonly position: unknown
}

/**
 * Takes what a job emits, one after the other, in order (of each partition, where the input has them). An Observable or a
 * promise that it returns is waited for before the next is given; its error, or a throw, fails the job.
 */
export type JobSink<R, V, C> = (output: R, context: SinkContext<V, C>) => unknown

/** How a job keeps its position in the input. */
export interface JobPosition<T> {
  /**
   * The name under which it is kept, in a node beside the keys: jobs of one root need different ones. (Where version 0.1.0
   * kept a position as the value of this key, the job goes on after that, and the key is deleted.)
   */
  readonly key: string
  /** The position after this record. JSON. */
  of(record: T): unknown
}

/** What a job tells its `pipeline`. */
export interface JobPipelineContext<T, V, C> extends JobContext<V, C> {
  /**
   * Options for the operator that writes the state (`processKV`, `windowKV`, `sessionKV`, `historyKV`): its commits then carry
   * the position, and records that fail by themselves go to the job's `deadLetter`. For one operator only; where a position is
   * kept it must be there. What comes after it must not wait: an output that is under way when the process dies is not
   * given out again.
   */
  readonly commit: Pick<
    ProcessOptions<Delivered<T, unknown>, never, never>,
    'partition' | 'positionOf' | 'commitSize' | 'deadLetter'
  >
}

/** What every job has: {@link job}. */
export interface JobBase<T, V, R, C> {
  /** For messages and events, and the prefix of its environment variables. */
  readonly name: string
  /**
   * What config the job takes: the schema of any library that follows Standard Schema (valibot, zod, ArkType, …).
   * @defaultValue none: the config is taken as it is given
   */
  readonly config?: StandardSchemaV1<unknown, C> | undefined
  /** How values become bytes, in a store that the job opens itself. */
  readonly value: Codec<V>
  /**
   * The state: a store, which stays open, or a URL for `openStore`, or what makes a store; those are closed at the end.
   * @defaultValue the `store` of `run`, else the URL in the environment variable `RXKEEPER_STORE`
   */
  readonly store?: KVStore<V> | string | ((config: C) => KVStore<V> | Promise<KVStore<V>>) | undefined
  /**
   * The records, or what makes them; a `PartitionedInput` that is made here is closed at the end. With one, the processes that
   * run the job are a {@link group} on the store: each partition is processed by one of them at a time, from where
   * it was left, and what one leaves or a dead one left behind the others take over. The position of each partition is kept
   * in the commits of the state, and no commit of a process that has lost the partition is carried out. Such a job ends
   * when all partitions are at their end, whoever processed them.
   * @defaultValue the `input` of `run`
   */
  readonly input?: JobInput<T> | ((context: JobContext<V, C>) => JobInput<T>) | undefined
  /**
   * The group of processes that share the partitions of the `input`, among all that work on the same root.
   * @defaultValue the `name`
   */
  readonly group?: string | undefined
  /**
   * Takes the outputs, once their writes are durable.
   * @defaultValue `'none'`
   */
  readonly output?: JobSink<R, V, C> | 'none' | undefined
  /**
   * Takes the records that fail by themselves (`CALLBACK`, `INVALID_KEY`, `CODEC`, `VALUE_TOO_LARGE`), in their turn.
   * @defaultValue `'fail'`: such a record fails the job
   */
  readonly deadLetter?: JobSink<DeadLetter<T>, V, C> | 'fail' | undefined
  /**
   * Keeps the position in the input in the store, in the same commits as the state, so that a job that was stopped or
   * killed counts no record twice in its state: `input` begins after `context.position`. When a second run keeps the same
   * position, the first can commit nothing more and fails with `FENCED`. Outputs come at least once: what a run that was
   * killed had committed, and `output` had not taken, is given out again (`input` then begins before it), of at most eight commits.
   * Commits leave in nodes beside the keys what that takes: what their keys held before, so that a commit holds fewer large values.
   * @defaultValue none: after a crash, records may be processed again. Not with a `PartitionedInput`, which has its own
   */
  readonly position?: JobPosition<T> | undefined
  /**
   * Publishes the figures in the store under this name, which no other process may use at the same time, for
   * `rxkeeper monitor` to show. The codec must take plain objects, as `json` does.
   * @defaultValue none: they are not published
   */
  readonly publish?: string | undefined
  /** The size of a record, in bytes, for the figures. */
  readonly bytesOf?: ((record: T) => number) | undefined
}

/** A job that keeps a value for each key, as `processKV` does: {@link job}. */
export interface JobDefinition<T, V, N extends V | undefined, R, C> extends JobBase<T, V, R, C> {
  /** The key of a record. */
  readonly keyOf: (record: T, config: C) => string
  /** The new value of the record's key; `undefined` deletes it. May be called again for a record: it must be pure. */
  readonly transform: (record: T, value: V | undefined, config: C) => N
  /**
   * Makes the output of a record. It must be pure, as `transform`.
   * @defaultValue `[record, value]`
   */
  readonly project?: ((record: T, value: N, previous: V | undefined) => R) | undefined
  /**
   * Options of `processKV`; with a `PartitionedInput` they are each partition's, and `commitSize` is 2048 by default.
   */
  readonly process?: Pick<ProcessOptions<T, V, N, R>, 'commitSize' | 'remember' | 'unchanged'> | undefined
  readonly pipeline?: undefined
}

/** A job of any pipeline: {@link job}. */
export interface JobPipelineDefinition<T, V, R, C> extends JobBase<T, V, R, C> {
  /**
   * Makes what the records go through, once for each partition: any operators. Of those in it that keep state, one takes
   * {@link JobPipelineContext.commit} among its options. Records come with their position, as `{ record, position }`. It completes
   * after its source, and it must be pure: after a crash, records may go through it again.
   */
  readonly pipeline: (context: JobPipelineContext<T, V, C>) => OperatorFunction<Delivered<T, unknown>, R>
  /**
   * The `{ record, position }` that an output leads back to, for the figures and the sink's `position`.
   * @defaultValue the output, or its first element, where that is one, as it is with the operators of this library
   */
  readonly recordOf?: ((output: R) => Delivered<T, unknown> | undefined) | undefined
  readonly keyOf?: undefined
  readonly transform?: undefined
}

/** Options of {@link Job.run}. Those that a job has too take the place of the job's. */
export interface RunOptions<T, V, R, C> {
  /**
   * The config: an object, or from `configFile` or `configEnvironment`; of several, the fields of later ones win.
   * @defaultValue `{}`
   */
  readonly config?: ConfigSource | readonly ConfigSource[] | undefined
  /** The store, in place of the definition's. */
  readonly store?: JobBase<T, V, R, C>['store']
  /** The input, in place of the definition's. */
  readonly input?: JobBase<T, V, R, C>['input']
  readonly group?: string | undefined
  readonly output?: JobSink<R, V, C> | 'none' | undefined
  readonly deadLetter?: JobSink<DeadLetter<T>, V, C> | 'fail' | undefined
  readonly publish?: string | undefined
  /**
   * The time from figures to figures, in milliseconds.
   * @defaultValue 1000
   */
  readonly interval?: number | undefined
  /**
   * The signals that stop the job: the first in good order, a second at once. The same signal within 250 ms is no second
   * one: at a Ctrl-C, npm sends another to what it runs.
   * @defaultValue `['SIGINT', 'SIGTERM']`
   */
  readonly signals?: readonly NodeJS.Signals[] | undefined
  /**
   * Where the time of the figures comes from; give a `TestScheduler` to test on virtual time, to the store, too.
   * @defaultValue the process's clock
   */
  readonly scheduler?: SchedulerLike | undefined
}

/** The figures of a run. */
export interface JobFigures extends Snapshot {
  /** How many outputs were taken by `output`. */
  readonly outputs: number
  /** How many records were taken by `deadLetter`. */
  readonly deadLetters: number
}

/** Why a run stops: its input ended, or failed, or somebody asked for it. */
export type StopReason = 'end of input' | 'failure' | 'stop' | NodeJS.Signals

/** How a run ended that did not fail. */
export interface JobResult {
  readonly reason: StopReason
  /** Whether it was stopped at once, so that what was in flight may be written or not, and has no output. */
  readonly aborted: boolean
  /**
   * What a process that ran this job should exit with: 0, or 130 after `SIGINT`, and 128 and the signal's number when
   * another one stopped it at once.
   */
  readonly exitCode: number
  readonly figures: JobFigures
}

/** What a run tells of itself. */
export type JobEvent<T> =
  | { readonly type: 'started'; readonly name: string }
  | { readonly type: 'status'; readonly status: Status }
  | { readonly type: 'figures'; readonly figures: JobFigures }
  | { readonly type: 'dead letter'; readonly letter: DeadLetter<T> }
  /** The partitions that this process has now. */
  | { readonly type: 'partitions'; readonly owned: readonly string[] }
  /**
   * A partition was lost: another process has it (`FENCED`), or it could not be processed for now (`UNAVAILABLE`, `TIMEOUT`,
   * `INDETERMINATE`) and is taken up again after a pause.
   */
  | { readonly type: 'lost'; readonly partition: string; readonly error: KVError }
  | { readonly type: 'stopping'; readonly reason: StopReason }
  | { readonly type: 'stopped'; readonly result: JobResult }

/** A job under way: an Observable of what it does, and a promise of its end. */
export interface JobRun<T> extends Observable<JobEvent<T>>, PromiseLike<JobResult> {
  /** Takes no more records, lets what is in flight finish, and ends. */
  stop(reason?: StopReason): void
  /** Ends at once. */
  abort(reason?: StopReason): void
}

/** A job that can be run. */
export interface Job<T, V, R, C, D = JobDefinition<T, V, V | undefined, R, C>> {
  readonly name: string
  /** What was given to {@link job}. */
  readonly definition: D
  /**
   * Runs the job, from now on. What it returns can be awaited, subscribed to, both, or neither.
   *
   * Emits the events from the start, also to late subscribers (of figures and status the latest, of dead letters only
   * new ones), and completes after `stopped`. Ends with an error, as the promise does: `INVALID_ARGUMENT` for a bad
   * config or option, with the field's name; what `processKV` fails with; `CALLBACK` where a sink failed; what the input
   * failed with, after the outputs of the records before.
   */
  run(options?: RunOptions<T, V, R, C>): JobRun<T>
}
