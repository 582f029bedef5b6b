import type { Observable, Unsubscribable } from 'rxjs'
import type { ConnectionState, Status } from '../contract/engine.ts'
import type { Span } from '../metrics/ledger.ts'
import { Uptime } from '../metrics/uptime.ts'

/** The connection state of a store, and how long it has been connected. */
export interface StatusWatch extends Unsubscribable {
  readonly state: ConnectionState | undefined
  /** The time since the watch began. */
  span(): Span
}

export function watchStatus(status$: Observable<Status>): StatusWatch {
  const now = (): number => performance.now()
  const began = now()
  const uptime = new Uptime(status$, now, began)
  let state: ConnectionState | undefined
  const subscription = status$.subscribe(status => {
    state = status.state
  })
  return {
    get state() {
      return state
    },
    span() {
      const time = now()
      return { elapsed: time - began, up: uptime.until(time) }
    },
    unsubscribe() {
      uptime.stop()
      subscription.unsubscribe()
    },
  }
}
