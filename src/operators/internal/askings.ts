import type { KVError } from '../../base/errors.ts'
import { ValueRead, ValueWrite } from '../../store/asked.ts'
import type { Mutation } from '../../store/kv-store.ts'
import type { Answers, Asking } from './pump.ts'

/** Reads the key of a record. */
export class RecordRead<T, V> extends ValueRead<V> implements Asking<T, string> {
  readonly record: T
  readonly place: number
  readonly #answers: Answers<V>

  constructor(key: string, record: T, place: number, answers: Answers<V>) {
    super(key)
    this.record = record
    this.place = place
    this.#answers = answers
  }

  get question(): string {
    return this.key
  }

  override get withdrawn(): boolean {
    return !this.#answers.wants(this.place)
  }

  found(value: V | undefined): void {
    this.#answers.answered(this, value)
  }

  failed(error: KVError): void {
    this.#answers.failed(this, error)
  }
}

/** Writes what a record says. */
export class RecordWrite<T, V, A = never> extends ValueWrite implements Asking<T, Mutation<V>> {
  readonly question: Mutation<V>
  readonly record: T
  readonly place: number
  protected readonly answers: Answers<A>

  constructor(mutation: Mutation<V>, record: T, place: number, answers: Answers<A>) {
    super()
    this.question = mutation
    this.record = record
    this.place = place
    this.answers = answers
  }

  override get withdrawn(): boolean {
    return !this.answers.wants(this.place)
  }

  written(): void {
    this.answers.answered(this, undefined)
  }

  failed(error: KVError): void {
    this.answers.failed(this, error)
  }
}
