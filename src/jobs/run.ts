import { concat, defer, from, map, type Observable, of, ReplaySubject, Subscription, switchMap } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { signalExitCode, signals$ } from '../base/signals.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import { openStore } from '../engines/open-store.ts'
import { createMeter, type Meter } from '../metrics/meter.ts'
import { type Publication, publishFigures } from '../metrics/publish.ts'
import type { Snapshot } from '../metrics/snapshot.ts'
import { meterStore } from '../metrics/store-meter.ts'
import { beginOf, type Journal } from '../operators/internal/journal.ts'
import type { KVStore } from '../store/kv-store.ts'
import { type ConfigSource, resolveConfig } from './config.ts'
import { JobEvents, type RunControl } from './events.ts'
import { inputOf, isPartitioned, recordsOf } from './input.ts'
import { journal$, writeTaken$ } from './journal.ts'
import { processPartitions } from './partitions.ts'
import { type PipelineHooks, pipeline } from './pipeline.ts'
import type { Plan } from './plan.ts'
import { claimPosition$ } from './position.ts'
import type { JobContext, JobFigures, JobResult, RunOptions, StopReason } from './types.ts'

/** The position of a run, and the journal of outputs that were not taken. */
interface Kept {
  readonly fences: OwnedPartition['fences']
  readonly journal: Journal | undefined
}

/**
 * One run of a job: reads the config, opens the store, claims the position, runs the pipeline until it is done or
 * stopped, closes what it opened, and reports the end.
 */
export class Execution<T, V, R, C> implements RunControl {
  readonly events: JobEvents<T> = new JobEvents()
  readonly #plan: Plan<T, V, R, C>
  readonly #options: RunOptions<T, V, R, C>
  readonly #stop = new ReplaySubject<void>(1)
  readonly #work = new Subscription()
  /** For the final figures, which exist even if the store was never opened. */
  #meter: Meter | undefined
  #opened: KVStore<V> | undefined
  /** An input that was made for this run. */
  #made: { close?(): Promise<void> } | undefined
  #publication: Publication | undefined
  #reason: StopReason | undefined
  #failure: { readonly error: unknown } | undefined
  #ending = false
  #outputs = 0
  #deadLetters = 0

  constructor(plan: Plan<T, V, R, C>, options: RunOptions<T, V, R, C>) {
    this.#plan = plan
    this.#options = options
  }

  start(): void {
    const { signals = ['SIGINT', 'SIGTERM'] } = this.#options
    try {
      this.#work.add(signals$(signals).subscribe(this.#signalled()))
      this.#work.add(
        this.#run$().subscribe({ error: error => this.#fail(error), complete: () => this.#end() }),
      )
    } catch (error) {
      this.#fail(error)
    }
  }

  stop(reason: StopReason): void {
    if (this.#reason !== undefined || this.#ending) return
    this.#reason = reason
    this.events.emit({ type: 'stopping', reason })
    this.#stop.next()
  }

  abort(reason: StopReason): void {
    if (this.#ending) return
    this.#ending = true
    this.#reason ??= reason
    this.#release()
    this.#close().catch(() => {})
    this.#stopped(true)
  }

  /** The first signal stops the run in good order, the next at once. */
  #signalled(): (signal: NodeJS.Signals) => void {
    let first = true
    return signal => {
      if (first) this.stop(signal)
      else this.abort(signal)
      first = false
    }
  }

  #run$(): Observable<never> {
    const { name, config: schema, position } = this.#plan
    const { config = [] } = this.#options
    const sources = Array.isArray(config) ? (config as ConfigSource[]) : [config as ConfigSource]
    return resolveConfig(name, schema, sources).pipe(
      switchMap(config => this.#open$(config).pipe(map(store => ({ config, store })))),
      switchMap(({ config, store }) =>
        this.#kept$(store, position?.key).pipe(
          map(kept => {
            // Committed records whose outputs were not taken come first.
            const after = kept && beginOf(kept.fences, kept.journal).position
            return { context: { name, config, store, position: after }, kept }
          }),
        ),
      ),
      switchMap(({ context, kept }) => this.#process$(context, kept)),
    )
  }

  /** Claims the position, and loads the journal of outputs that were not taken. */
  #kept$(store: KVStore<V>, key: string | undefined): Observable<Kept | undefined> {
    if (key === undefined) return of(undefined)
    return claimPosition$(store, key).pipe(
      switchMap(fences => journal$(this.#plan, store, fences).pipe(map(journal => ({ fences, journal })))),
    )
  }

  /** Opens the store, unless the user gave an open one. */
  #open$(config: C): Observable<KVStore<V>> {
    const { store: source = process.env.RXKEEPER_STORE, value, name } = this.#plan
    if (source === undefined) {
      throw new KVError(
        'INVALID_ARGUMENT',
        `the job '${name}' has no \`store\`; give it to \`job\`, to \`run\`, or a URL as RXKEEPER_STORE`,
      )
    }
    if (typeof source === 'object') return of(source)
    const opened = typeof source === 'string' ? openStore(source, { value }) : source(config)
    return 'then' in opened ? from(opened.then(store => this.#keep(store))) : of(this.#keep(opened))
  }

  /** Remembers a store to be closed at the end; closes it at once if the run has ended already. */
  #keep(store: KVStore<V>): KVStore<V> {
    this.#opened = store
    if (this.#ending) void store.close()
    return store
  }

  #process$(context: JobContext<V, C>, kept: Kept | undefined): Observable<never> {
    const { interval, scheduler } = this.#options
    const meter = createMeter({ store: context.store, interval, scheduler })
    this.#meter = meter
    const work = this.#work
    this.events.emit({ type: 'started', name: context.name })
    if (this.#plan.publish !== undefined) this.#publish(this.#plan.publish, context.store, meter)
    work.add(meter.snapshots$.subscribe(snapshot => this.#figures(snapshot)))
    work.add(context.store.status$.subscribe(status => this.events.emit({ type: 'status', status })))
    const { input, isMade } = inputOf(this.#plan, context)
    const hooks: PipelineHooks<T> = {
      meter,
      outputTaken: () => {
        this.#outputs++
      },
      letterTaken: letter => {
        this.#deadLetters++
        this.events.emit({ type: 'dead letter', letter })
      },
    }
    const failed = (error: unknown): void => {
      this.#failure ??= { error }
      this.stop('failure')
    }
    const inputEnded = (): void => this.stop('end of input')
    if (isPartitioned(input)) {
      if (isMade) this.#made = input
      if (this.#plan.position !== undefined) {
        throw new KVError(
          'INVALID_ARGUMENT',
          `the job '${context.name}' has a \`position\`, and an input that keeps one for each partition`,
        )
      }
      return processPartitions(this.#plan, context, input, {
        ...hooks,
        stop$: this.#stop,
        scheduler,
        inputEnded,
        failed,
        owned: partitions => this.events.emit({ type: 'partitions', owned: partitions }),
        lost: (partition, error) => this.events.emit({ type: 'lost', partition, error }),
      })
    }
    const { position } = this.#plan
    const processed$ = pipeline<T, T, V, R, C>(
      this.#plan,
      context,
      {
        items$: recordsOf(input),
        partition: undefined,
        recordOf: record => record,
        positionOf: position && (record => position.of(record)),
        options: kept && position ? { partition: kept, positionOf: record => position.of(record) } : {},
        journal: kept?.journal,
        stop$: this.#stop,
        ended: inputEnded,
        failed,
      },
      hooks,
    )
    return kept === undefined
      ? processed$
      : concat(
          processed$,
          defer(() => writeTaken$(context.store, kept.fences, kept.journal)),
        )
  }

  #publish(name: string, store: KVStore<V>, records: Meter): void {
    const { interval, scheduler } = this.#options
    const meter = meterStore(store, { interval, scheduler })
    this.#publication = publishFigures(store, name, { records, store: meter }, { interval })
    this.#work.add(() => meter.close())
  }

  #figures(snapshot: Snapshot): void {
    this.events.emit({ type: 'figures', figures: this.#withSinks(snapshot) })
  }

  #withSinks(snapshot: Snapshot): JobFigures {
    return { ...snapshot, outputs: this.#outputs, deadLetters: this.#deadLetters }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#end()
  }

  /** Closes what was opened, then reports how it ended. */
  #end(): void {
    if (this.#ending) return
    this.#ending = true
    this.#release()
    // Synchronously if there is nothing to close: on virtual time promises do not settle.
    if (this.#opened === undefined && this.#publication === undefined && this.#made === undefined)
      this.#ended()
    else {
      const failed = (error: unknown): void => {
        this.#failure ??= { error }
      }
      void this.#close()
        .catch(failed)
        .then(() => this.#ended())
    }
  }

  async #close(): Promise<void> {
    await this.#made?.close?.()
    await this.#publication?.close()
    await this.#opened?.close()
  }

  #release(): void {
    // Closed first: its final snapshot is still needed.
    this.#meter?.close()
    this.#work.unsubscribe()
  }

  #ended(): void {
    if (this.#failure === undefined) this.#stopped(false)
    else this.events.fail(this.#failure.error)
  }

  #stopped(aborted: boolean): void {
    const reason = this.#reason ?? 'stop'
    const figures = this.#withSinks((this.#meter ?? createMeter()).snapshot())
    const result: JobResult = { reason, aborted, exitCode: exitCodeOf(reason, aborted), figures }
    this.events.emit({ type: 'stopped', result })
    this.events.complete()
  }
}

function exitCodeOf(reason: StopReason, aborted: boolean): number {
  if (!reason.startsWith('SIG')) return 0
  // Stopping on request is a success; but after Ctrl-C, a shell's loop must end, too.
  return aborted || reason === 'SIGINT' ? signalExitCode(reason as NodeJS.Signals) : 0
}
