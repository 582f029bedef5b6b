import type { Invariant } from './invariant.ts'

/** Closing a store ends all that was subscribed to. */
export const streamsEnd: Invariant = {
  name: 'streams-end',
  atEnd(run) {
    const open = run.streams.find(
      ({ ended, unsubscribed, store }) => ended === undefined && !unsubscribed && !store.killed,
    )
    return open === undefined ? undefined : `${open.id} did not end with its store`
  },
}
