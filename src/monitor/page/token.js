/**
 * Shows the monitor a token, or none; from then on a cookie stands for it.
 * @param {string} [token]
 * @returns {Promise<'open' | 'locked' | 'away'>}
 */
export async function enter(token) {
  try {
    const { status } = await fetch('/api/session', {
      method: 'POST',
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })
    return status === 204 ? 'open' : status === 401 ? 'locked' : 'away'
  } catch {
    return 'away'
  }
}

/** The token in the address, which then no longer has it. It is after the '#', which no browser sends or logs. */
export function tokenOfAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return undefined
  history.replaceState(null, '', location.pathname)
  return token
}
