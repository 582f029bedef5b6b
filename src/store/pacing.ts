import type { Observable } from 'rxjs'
import { KVError } from '../errors.ts'
import type { Observer, ReadRequest, Request, WriteRequest } from './requests.ts'

/** What the two halves of the batcher share. */
export interface Pacing {
  readonly observer: Observer
  /** Asks for a flush at the end of the turn. */
  wake(): void
  /** The error of a request whose time is over, `undefined` while it is not. */
  late(request: ReadRequest | WriteRequest): KVError | undefined
}

/** Whether a request may travel with an earlier one: its deadline is much the same, so that neither is held to the other's. */
export const inSameBatch = (first: Request, request: Request): boolean =>
  request.timeout === first.timeout && request.deadline - first.deadline <= first.timeout / 8

/** Subscribes to an answer of an engine and settles it exactly once, whatever the engine does. */
export function ask<T>(answer: Observable<T>, settle: (result: T | KVError) => void): void {
  let settled = false
  const once = (result: T | KVError): void => {
    if (settled) return
    settled = true
    settle(result)
  }
  answer.subscribe({
    next: once,
    error: (error: unknown) => once(KVError.from(error, 'ENGINE', 'the engine failed')),
    // Not made when it is not needed: an error costs far more than an answer.
    complete: () => {
      if (!settled) once(new KVError('ENGINE', 'the engine completed without an answer'))
    },
  })
}
