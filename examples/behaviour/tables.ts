import { firstValueFrom, mergeMap, toArray } from 'rxjs'
import { json, type KVStore, openStore, parseStoreUrl } from 'rxkeeper'
import { connected } from '../connected.ts'

/** The URL of a table: a root of its own at the same place. */
function tableUrl(url: string, name: string): string {
  const address = parseStoreUrl(url)
  if (address.type === 'memory') return url
  if (address.type === 'lmdb') {
    const root = address.root === undefined ? name : `${address.root}/${name}`
    return `lmdb:${encodeURIComponent(address.path)}?root=${encodeURIComponent(root)}`
  }
  const [place = '', query] = url.split('?')
  const above = address.root === undefined ? `${place}/rxkeeper` : place.replace(/\/$/, '')
  return `${above}/${name}${query === undefined ? '' : `?${query}`}`
}

/** Opens a table, and deletes what an earlier run left in it. */
export async function openTable<V>(url: string, name: string, cache = 0): Promise<KVStore<V>> {
  const table = openStore(tableUrl(url, name), { value: json<V>(), cache })
  try {
    await connected(table)
    await firstValueFrom(
      table.keys$().pipe(
        toArray(),
        mergeMap(keys => table.deleteAll$(keys)),
      ),
    )
    return table
  } catch (error) {
    await table.close()
    throw error
  }
}
