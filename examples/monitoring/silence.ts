import {
  combineLatest,
  distinctUntilChanged,
  filter,
  groupBy,
  map,
  merge,
  mergeMap,
  NEVER,
  type Observable,
  type OperatorFunction,
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
 * The clock is that of who waits, from when it heard of the host, so that clocks that differ do no harm; and it stands
 * still while there is no connection, when nobody can be heard.
 */
export const silence =
  (
    connected$: Observable<boolean>,
  ): OperatorFunction<Sign, { readonly host: string; readonly silent: boolean }> =>
  signs$ =>
    signs$.pipe(
      groupBy(({ host }) => host),
      mergeMap(host$ => {
        const heard$ = host$.pipe(
          filter(({ isNews }) => isNews),
          map(() => false),
        )
        const missed$ = combineLatest([host$, connected$]).pipe(
          switchMap(([{ patience }, connected]) =>
            connected && patience !== undefined ? timer(patience).pipe(map(() => true)) : NEVER,
          ),
        )
        return merge(heard$, missed$).pipe(
          distinctUntilChanged(),
          map(silent => ({ host: host$.key, silent })),
        )
      }),
    )
