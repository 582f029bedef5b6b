import { Observable, type Subscriber } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { JobEvent, JobResult, JobRun, StopReason } from './types.ts'

/** Events of which late subscribers get only the latest. */
const conflated = new Set<JobEvent<unknown>['type']>(['figures', 'status', 'partitions'])
/** Events that late subscribers do not get. */
const passing = new Set<JobEvent<unknown>['type']>(['dead letter', 'lost'])

/** The events of one run, for current subscribers; late ones get those that still matter. */
export class JobEvents<T> {
  readonly #subscribers = new Set<Subscriber<JobEvent<T>>>()
  #past: JobEvent<T>[] = []
  #end: { readonly error: unknown } | 'completed' | undefined
  /** Rejected with an error that nobody has received, so that it is reported as unhandled if nobody ever does. */
  #unheard: Promise<never> | undefined

  emit(event: JobEvent<T>): void {
    if (conflated.has(event.type)) this.#past = this.#past.filter(({ type }) => type !== event.type)
    if (!passing.has(event.type)) this.#past.push(event)
    for (const subscriber of [...this.#subscribers]) subscriber.next(event)
  }

  complete(): void {
    this.#end = 'completed'
    for (const subscriber of [...this.#subscribers]) subscriber.complete()
  }

  fail(error: unknown): void {
    this.#end = { error }
    if (this.#subscribers.size === 0) this.#unheard = Promise.reject(error)
    for (const subscriber of [...this.#subscribers]) subscriber.error(error)
  }

  listen(subscriber: Subscriber<JobEvent<T>>): void {
    this.#unheard?.catch(() => {})
    for (const event of this.#past) subscriber.next(event)
    if (this.#end === 'completed') subscriber.complete()
    else if (this.#end !== undefined) subscriber.error(this.#end.error)
    else {
      this.#subscribers.add(subscriber)
      subscriber.add(() => this.#subscribers.delete(subscriber))
    }
  }
}

/** The controls of a run. */
export interface RunControl {
  stop(reason: StopReason): void
  abort(reason: StopReason): void
}

/** The user's handle of a run. */
export class RunHandle<T> extends Observable<JobEvent<T>> implements JobRun<T> {
  readonly #control: RunControl
  #result: Promise<JobResult> | undefined

  constructor(events: JobEvents<T>, control: RunControl) {
    super(subscriber => events.listen(subscriber))
    this.#control = control
  }

  stop(reason: StopReason = 'stop'): void {
    this.#control.stop(reason)
  }

  abort(reason: StopReason = 'stop'): void {
    this.#control.abort(reason)
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is a promise of its end
  then<A = JobResult, B = never>(
    fulfilled?: ((result: JobResult) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#result ??= new Promise((resolve, reject) => {
      this.subscribe({
        next: event => {
          if (event.type === 'stopped') resolve(event.result)
        },
        error: reject,
        complete: () => reject(new KVError('ENGINE', 'the run ended without a result')),
      })
    })
    return this.#result.then(fulfilled, rejected)
  }
}
