import type { Observable } from 'rxjs'
import { KVError } from '../base/errors.ts'

/** Subscribes to an engine's answer, and calls `settle` exactly once, whatever the engine does. */
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
    // Created only if needed: an error costs far more than an answer.
    complete: () => {
      if (!settled) once(new KVError('ENGINE', 'the engine completed without an answer'))
    },
  })
}
