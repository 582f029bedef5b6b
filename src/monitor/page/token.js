/**
 * Sends the monitor a token, or none; from then on a cookie replaces it.
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

/** Takes the token out of the address. It is after the '#', which browsers neither send nor log. */
export function tokenOfAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return undefined
  history.replaceState(null, '', location.pathname)
  return token
}
