import { type Observable, Subscription } from 'rxjs'
import type { ConnectionState, Status } from '../contract/engine.ts'
import type { JobEvent } from '../jobs/types.ts'

/** What {@link healthHandler} answers at `/readyz`. */
export interface Readiness {
  readonly status: 'ok' | 'unavailable'
  /** The store's connection state; `opening` until it is known. */
  readonly store?: ConnectionState | 'opening'
  /** The state of the job. */
  readonly job?: 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'
}

/** Whatever has the states of a store. */
export interface StatusSource {
  readonly status$: Observable<Status>
}

/** Watches a store and a run of a job. */
export class Following {
  readonly #work = new Subscription()
  #store: Readiness['store']
  #job: Readiness['job']

  constructor(store: StatusSource | undefined, job: Observable<JobEvent<unknown>> | undefined) {
    if (store !== undefined) {
      this.#store = 'opening'
      this.#work.add(store.status$.subscribe(status => this.#connection(status)))
    }
    if (job === undefined) return
    this.#job = 'starting'
    this.#store ??= 'opening'
    this.#work.add(
      job.subscribe({
        next: event => this.#happened(event, store === undefined),
        // Whoever awaits the run gets the error.
        error: () => {
          this.#job = 'failed'
        },
      }),
    )
  }

  get readiness(): Readiness {
    const ready = (this.#store ?? 'connected') === 'connected' && (this.#job ?? 'running') === 'running'
    return {
      status: ready ? 'ok' : 'unavailable',
      ...(this.#store === undefined ? {} : { store: this.#store }),
      ...(this.#job === undefined ? {} : { job: this.#job }),
    }
  }

  stop(): void {
    this.#work.unsubscribe()
  }

  #connection({ state }: Status): void {
    this.#store = state
  }

  #happened(event: JobEvent<unknown>, tellsOfStore: boolean): void {
    if (event.type === 'started') this.#job = 'running'
    else if (event.type === 'stopping' || event.type === 'stopped') this.#job = event.type
    else if (event.type === 'status' && tellsOfStore) this.#connection(event.status)
  }
}
