import { Subscription } from 'rxjs'
import { KVError } from '../../../src/base/errors.ts'
import type { Change } from '../../../src/store/kv-store.ts'
import { performReaction } from './caller.ts'
import type { ObservedStore, Stream } from './observed.ts'
import type { Step } from './plan.ts'
import type { Running } from './running.ts'

const MOST_REACTIONS = 3
/** A subscription that is repeated has a longer name each time. */
const LONGEST_ID = 7

/** Subscribes to a watch or to changes, and keeps what is emitted. */
export function follow(
  run: Running,
  store: ObservedStore,
  step: Step & { readonly do: 'watch' | 'changes' },
): void {
  const stream: Stream = {
    id: step.id,
    store,
    type: step.do,
    key: step.do === 'watch' ? step.key : undefined,
    prefix: step.do === 'changes' ? step.prefix : undefined,
    floor: store.floor,
    subscribedAt: run.now,
    fold: new Map(),
    emitted: 0,
    synced: 0,
    syncedFloor: store.floor,
    ended: undefined,
    unsubscribed: false,
  }
  run.streams.push(stream)
  const subscription = new Subscription()
  store.subscriptions.add(subscription)
  let reactions = 0
  const react = (on: 'next' | 'error' | 'complete'): void => {
    if (step.reaction?.on !== on || reactions++ >= MOST_REACTIONS) return
    if (step.reaction.do.type === 'again') {
      if (on === 'error' && step.id.length < LONGEST_ID) follow(run, store, { ...step, id: `${step.id}+` })
      return
    }
    performReaction(
      run,
      store,
      undefined,
      { call: { type: 'keys' }, reaction: step.reaction },
      subscription,
      1,
    )
  }
  const end = (how: 'completed' | KVError): void => {
    stream.ended = how
    store.subscriptions.delete(subscription)
    run.streamEnded(stream)
  }
  const observer = {
    error: (error: unknown) => {
      end(error instanceof KVError ? error : new KVError('ENGINE', String(error)))
      react('error')
    },
    complete: () => {
      end('completed')
      react('complete')
    },
  }
  if (step.do === 'watch') {
    const { key } = step
    subscription.add(
      store.store.watch$(key).subscribe({
        ...observer,
        next: value => {
          stream.emitted++
          run.emitted(stream, key, value)
          react('next')
        },
      }),
    )
  } else {
    subscription.add(
      store.store.changes$({ prefix: step.prefix }).subscribe({
        ...observer,
        next: (change: Change<unknown>) => {
          stream.emitted++
          if (change.type === 'synced') run.synced(stream)
          else run.emitted(stream, change.key, change.type === 'put' ? change.value : undefined)
          react('next')
        },
      }),
    )
  }
  subscription.add(() => {
    if (stream.ended === undefined) stream.unsubscribed = true
  })
  if (step.lasts !== undefined) store.party.after(step.lasts, () => subscription.unsubscribe())
}
