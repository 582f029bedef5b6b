import { fromEvent, type Observable, take, tap } from 'rxjs'

/** What a shell expects of a program that was interrupted. */
const INTERRUPTED = 130

/** Emits when the user interrupts (Ctrl-C), for `takeUntil`; the exit code is then that of an interrupted program. */
export const interrupted$: Observable<unknown> = fromEvent(process, 'SIGINT').pipe(
  take(1),
  tap(() => {
    process.exitCode = INTERRUPTED
  }),
)
