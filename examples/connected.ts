import { filter, firstValueFrom, tap, timeout } from 'rxjs'
import type { KVStore } from 'rxkeeper'

/** How long a first connection may take, in milliseconds. */
const PATIENCE = 5000

/** Waits until the store is connected; where that takes too long, fails with what is in the way. */
export async function connected({ status$ }: Pick<KVStore<unknown>, 'status$'>): Promise<void> {
  let reason = ''
  const connected$ = status$.pipe(
    tap(status => {
      reason = status.reason
    }),
    filter(({ state }) => state === 'connected'),
    timeout(PATIENCE),
  )
  await firstValueFrom(connected$).catch(() => {
    throw new Error(`no connection to the store within ${PATIENCE / 1000} s: ${reason}`)
  })
}
