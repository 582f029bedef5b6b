import { Observable, type Subscriber } from 'rxjs'
import type { PartitionedInput } from '../inputs/partitioned-input.ts'

/**
 * Reports to an input how far a partition is processed: one position at a time, then the latest there is by then.
 */
export class Progress<P> {
  readonly #input: Pick<PartitionedInput<unknown, P>, 'committed'>
  readonly #partition: string
  readonly #failed: (error: unknown) => void
  readonly #waiting = new Set<Subscriber<never>>()
  #next: { readonly position: P } | undefined
  #telling = false

  constructor(
    input: Pick<PartitionedInput<unknown, P>, 'committed'>,
    partition: string,
    failed: (error: unknown) => void,
  ) {
    this.#input = input
    this.#partition = partition
    this.#failed = failed
  }

  tell(position: P): void {
    if (this.#input.committed === undefined) return
    this.#next = { position }
    if (!this.#telling) this.#tell()
  }

  /** Completes when everything is reported. */
  readonly told$: Observable<never> = new Observable(subscriber => {
    if (!this.#telling) {
      subscriber.complete()
      return
    }
    this.#waiting.add(subscriber)
    subscriber.add(() => this.#waiting.delete(subscriber))
  })

  #tell(): void {
    this.#telling = true
    while (this.#next !== undefined) {
      const { position } = this.#next
      this.#next = undefined
      try {
        const telling = this.#input.committed!(this.#partition, position)
        if (telling !== undefined) {
          telling.catch((error: unknown) => this.#failed(error)).then(() => this.#tell())
          return
        }
      } catch (error) {
        this.#failed(error)
      }
    }
    this.#telling = false
    for (const subscriber of [...this.#waiting]) subscriber.complete()
  }
}
