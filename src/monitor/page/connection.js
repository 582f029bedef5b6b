import { enter } from './token.js'

/** Events come every second; after this long without one the connection counts as dead, in milliseconds. */
const SILENCE = 8_000
const RETRY = 1_500

/** @typedef {import('../wire.ts').Events} Events */

/**
 * Subscribes to the monitor's events, and reconnects whenever needed.
 * @param {{ [E in keyof Events]: (data: Events[E]) => void }} take
 * @param {(state: 'live' | 'away' | 'locked') => void} changed
 */
export function follow(take, changed) {
  /** @type {EventSource | undefined} */
  let source
  let heard = 0

  const open = () => {
    heard = Date.now()
    const opened = new EventSource('/api/events')
    source = opened
    for (const [type, handle] of /** @type {[string, (data: unknown) => void][]} */ (Object.entries(take))) {
      opened.addEventListener(type, event => {
        heard = Date.now()
        changed('live')
        handle(JSON.parse(event.data))
      })
    }
    opened.addEventListener('error', () => {
      changed('away')
      // The browser reconnects by itself, unless it was refused.
      if (opened.readyState === EventSource.CLOSED && source === opened) later()
    })
  }

  const later = () => {
    source = undefined
    setTimeout(async () => {
      const answer = await enter()
      if (answer === 'open') open()
      else if (answer === 'locked') changed('locked')
      else later()
    }, RETRY)
  }

  setInterval(() => {
    if (source === undefined || Date.now() - heard < SILENCE) return
    source.close()
    changed('away')
    later()
  }, 1_000)

  open()
  return { again: open }
}
