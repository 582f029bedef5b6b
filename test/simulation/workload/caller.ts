import { Subscription } from 'rxjs'
import { KVError } from '../../../src/base/errors.ts'
import type { ObservedStore, Operation } from './observed.ts'
import { make } from './perform.ts'
import type { Call, Reaction } from './plan.ts'
import type { Running } from './running.ts'

/** What is thrown from callbacks on purpose. */
export const THROWN = 'thrown by a simulated callback'

const MOST_REPEATS = 3

export interface Asking {
  readonly call: Call
  readonly timeout?: number | undefined
  readonly reaction?: Reaction | undefined
  readonly unsubscribeAfter?: number | undefined
}

/** Calls a store, keeps what comes of it, and reacts from within the callbacks. */
export function ask(run: Running, store: ObservedStore, id: string, asking: Asking, depth = 0): Operation {
  const { call, reaction } = asking
  const made = make(call, id, store, asking.timeout === undefined ? {} : { timeout: asking.timeout })
  const operation: Operation = {
    id,
    store,
    call,
    puts: made.puts,
    conditions: made.conditions,
    timeout: asking.timeout ?? store.plan.timeout,
    askedAt: run.now,
    order: run.operations.length,
    floor: store.floor,
    calm: run.calm(store),
    values: [],
    outcome: undefined,
    ends: 0,
    withdrawn: false,
    zxid: undefined,
  }
  run.operations.push(operation)
  const subscription = new Subscription()
  store.subscriptions.add(subscription)
  // Once: a listing emits many times.
  let reacted = false
  const react = (on: Reaction['on']): void => {
    if (reaction?.on !== on || reacted) return
    reacted = true
    performReaction(run, store, operation, asking, subscription, depth)
  }
  const end = (error: unknown): void => {
    operation.ends++
    if (operation.ends === 1) {
      operation.outcome =
        error === undefined
          ? { at: run.now, error }
          : { at: run.now, error: error instanceof KVError ? error : new KVError('ENGINE', String(error)) }
    }
    store.subscriptions.delete(subscription)
    run.settled(operation)
  }
  subscription.add(
    made.observable.subscribe({
      next: value => {
        operation.values.push(value)
        react('next')
      },
      error: error => {
        end(error)
        react('error')
      },
      complete: () => {
        end(undefined)
        react('complete')
      },
    }),
  )
  subscription.add(() => {
    if (operation.ends === 0) operation.withdrawn = true
  })
  if (asking.unsubscribeAfter !== undefined) {
    store.party.after(asking.unsubscribeAfter, () => subscription.unsubscribe())
  }
  return operation
}

/** What a subscriber does from within its callback. */
export function performReaction(
  run: Running,
  store: ObservedStore,
  operation: Operation | undefined,
  asking: Asking | undefined,
  subscription: Subscription,
  depth: number,
): void {
  const { reaction } = asking!
  const what = reaction!.do
  const id = `${operation?.id ?? 'stream'}.${run.operations.length}`
  switch (what.type) {
    case 'call':
      ask(run, store, id, what, depth + 1)
      break
    case 'again':
      if (depth < MOST_REPEATS && operation !== undefined) ask(run, store, id, asking!, depth + 1)
      break
    case 'close':
      run.close(store)
      break
    case 'unsubscribe':
      subscription.unsubscribe()
      break
    case 'unsubscribe others':
      for (const other of [...store.subscriptions]) if (other !== subscription) other.unsubscribe()
      break
    case 'throw':
      throw new Error(THROWN)
  }
}
