import { from, type Observable } from 'rxjs'
import { type FiredTimer, json, memoryStore, processKV } from 'rxkeeper'
import { type } from './expect.ts'

interface Click {
  readonly user: string
  readonly at: number
}

const store = memoryStore({ value: json<number>() })
declare const clicks: Click[]
const user = (click: Click): string => click.user

const counts$ = from(clicks).pipe(
  processKV(
    store,
    click => click.user,
    (click, count = 0, timers) => {
      timers.set(click.at + 30)
      return count + 1
    },
    { timers: { name: 'visits', timeOf: click => click.at, onTimer: (_, count) => count - 1 } },
  ),
)
type<Observable<[record: Click, value: number] | [timer: FiredTimer, value: number | undefined]>>()(counts$)

const projected$ = from(clicks).pipe(
  processKV(
    store,
    click => click.user,
    (_, count = 0) => count + 1,
    {
      project: ({ user }) => user,
      timers: { name: 'visits', onTimer: () => undefined, project: (_timer, _value, previous) => previous },
    },
  ),
)
type<Observable<string | number>>()(projected$)

const wrong = { name: 'visits', onTimer: () => 'one' }
// @ts-expect-error `onTimer` gives a value of the store
processKV(store, user, () => 1, { timers: wrong })

const noTimers = { commitSize: 1 }
// @ts-expect-error timers that are set need a function that is called when they are due
processKV(store, user, (_click, count = 0, _timers) => count, noTimers)
