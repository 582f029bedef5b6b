import type { Subscription } from 'rxjs'
import { connectOurs } from './contenders/ours.ts'
import type { Comparison, Outside, Place, Question, Task } from './runner/question.ts'
import { keyAt } from './runner/work.ts'

/** Of the watched keys, so many are written in a pass. */
const WRITTEN = 1000
const POINTS = [1, 10, 100, 1000, 10_000, 100_000]

/** `watchers` subscriptions on one store, each of a key of its own. */
async function watching({ servers, root, point }: Place, outside: Outside): Promise<Task> {
  const store = await connectOurs(servers, root)
  const written = Math.min(WRITTEN, point)
  let due = point
  let arrived: () => void = () => {}
  const ready = new Promise<void>(resolve => {
    arrived = resolve
  })
  const seen = () => {
    if (--due === 0) arrived()
  }
  for (let i = 0; i < point; i++) store.watch$(keyAt(i)).subscribe(seen)
  await ready
  let pass = 0
  return {
    async pass() {
      due = written
      const all = new Promise<void>(resolve => {
        arrived = resolve
      })
      await outside.write(written, `pass-${String(pass++).padStart(6, '0')}`)
      await all
      return written
    },
    close: () => store.close(),
  }
}

/** Subscribes to so many keys until each has emitted, and unsubscribes. */
async function subscribing({ servers, root, point }: Place): Promise<Task> {
  const store = await connectOurs(servers, root)
  return {
    pass: () =>
      new Promise((resolve, reject) => {
        const subscriptions: Subscription[] = []
        let due = point
        const seen = () => {
          if (--due > 0) return
          for (const subscription of subscriptions) subscription.unsubscribe()
          resolve(point)
        }
        for (let i = 0; i < point; i++) {
          subscriptions.push(store.watch$(keyAt(i)).subscribe({ next: seen, error: reject }))
        }
      }),
    close: () => store.close(),
  }
}

const common = {
  server: 'zookeeper',
  keys: (point: number) => point,
  points: POINTS,
  pointUnit: 'watchers',
  rounds: 3,
} as const

const comparisons: readonly Comparison[] = [
  {
    ...common,
    name: 'growth-watchers/deliver',
    title: 'Updates by another client delivered, by the number of watchers on the store',
    unit: 'values/s',
    contenders: [{ name: 'rxkeeper/watch$', run: watching }],
  },
  {
    ...common,
    name: 'growth-watchers/subscribe',
    title: 'Watchers subscribed until each has its value, and unsubscribed',
    unit: 'watchers/s',
    contenders: [{ name: 'rxkeeper/watch$', run: subscribing }],
  },
]

export const growthWatchers: Question = {
  name: 'growth-watchers',
  about: 'What happens as the watchers on a store grow from 1 to 100,000?',
  comparisons,
}
