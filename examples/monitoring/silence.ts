import {
  distinctUntilChanged,
  filter,
  groupBy,
  map,
  merge,
  mergeMap,
  NEVER,
  type Observable,
  type OperatorFunction,
  ReplaySubject,
  switchMap,
  timer,
} from 'rxjs'

/** A sign of a host: it wrote, or it is known from before. */
export interface Sign {
  readonly host: string
  /** Whether it wrote just now. */
  readonly isNews: boolean
  /** How long it may take until the next one, in milliseconds; `undefined` where none is expected any more. */
  readonly patience: number | undefined
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
  ): OperatorFunction<Sign, { readonly host: string; readonly silent: boolean }> =>
  signs$ =>
    signs$.pipe(
      groupBy(({ host }) => host, { connector: () => new ReplaySubject(1) }),
      mergeMap(host$ => {
        const heard$ = host$.pipe(
          filter(({ isNews }) => isNews),
          map(() => false),
        )
        const missed$ = host$.pipe(
          switchMap(({ patience }, index) =>
            patience === undefined ? NEVER : timer(patience + (index === 0 ? grace : 0)),
          ),
          map(() => true),
        )
        return merge(heard$, connected$.pipe(switchMap(connected => (connected ? missed$ : NEVER)))).pipe(
          distinctUntilChanged(),
          map(silent => ({ host: host$.key, silent })),
        )
      }),
    )
