import {
  defer,
  filter,
  map,
  merge,
  mergeMap,
  type Observable,
  type OperatorFunction,
  type SchedulerLike,
  tap,
} from 'rxjs'
import { json, memoryStore, processKV } from 'rxkeeper'

/** A sign of a host: it wrote, or it is known from before. */
export interface Sign {
  readonly host: string
  /** Whether it wrote just now. */
  readonly isNews: boolean
  /** How long it may take until the next one, in milliseconds; `undefined` where none is expected any more. */
  readonly patience: number | undefined
}

interface Silence {
  readonly host: string
  readonly silent: boolean
}

/** What is known of a host; its timer says when it is silent. */
interface Watched {
  readonly patience?: number | undefined
  /** Absent as long as nobody knows. */
  readonly silent?: boolean | undefined
}

/** A sign, or that the connection was lost or is back. */
interface Event {
  readonly host: string
  readonly sign: Sign | undefined
  readonly connected: boolean
}

/**
 * For each host: that it is silent when its patience is over, that it is not when it writes (again).
 *
 * The clock is that of who waits, from when it heard of the host, so that clocks that differ do no harm. It stands still
 * while there is no connection, when nobody can be heard; whoever begins to listen, then and at first, adds `grace`, in
 * milliseconds, for hosts that take longer to be back.
 */
export const silence =
  (
    connected$: Observable<boolean>,
    grace: number,
    scheduler?: SchedulerLike,
  ): OperatorFunction<Sign, Silence> =>
  signs$ =>
    defer(() => {
      const hosts = new Set<string>()
      let connected = false
      const events$ = merge(
        connected$.pipe(
          tap(now => (connected = now)),
          mergeMap(connected => Array.from(hosts, (host): Event => ({ host, sign: undefined, connected }))),
        ),
        signs$.pipe(
          tap(({ host }) => hosts.add(host)),
          map((sign): Event => ({ host: sign.host, sign, connected })),
        ),
      )
      return events$.pipe(
        processKV(
          memoryStore({ value: json<Watched>(), scheduler }),
          ({ host }) => host,
          ({ sign, connected }, watched: Watched | undefined, timers): Watched => {
            const patience = sign === undefined ? watched?.patience : sign.patience
            const isFirst = sign === undefined || watched === undefined
            if (connected && patience !== undefined) timers.set(timers.now + patience + (isFirst ? grace : 0))
            else timers.clear()
            return { patience, silent: sign?.isNews ? false : watched?.silent }
          },
          {
            project: ({ host }, { silent }, before) => ({ host, silent, before: before?.silent }),
            timers: {
              name: 'silence',
              onTimer: (_, watched) => ({ ...watched, silent: true }),
              project: ({ key }, _, { silent }) => ({ host: key, silent: true, before: silent }),
            },
          },
        ),
        filter(({ silent, before }) => silent !== undefined && silent !== before),
        map(({ host, silent }): Silence => ({ host, silent: silent === true })),
      )
    })
