import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { lmdbStore } from 'rxkeeper/lmdb'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'
import { Root } from '../../src/engines/lmdb/root.ts'

/** Writes the version of a record, as another store of this process would. */
async function age(path: string, key: string, version: number): Promise<void> {
  const root = Root.acquire(path, '')
  await root.environment.transact(() => {
    const { revision } = root
    root.put(new Map([[key, { ...root.get(key)!, version }]]), revision + 1)
    root.note({ from: revision, to: revision + 1, keys: [key] })
  })
  root.refresh()
  await root.release()
}

for (const cache of [undefined, 100]) {
  kvStoreContract({
    name: cache === undefined ? 'lmdb' : 'lmdb, cached',
    durable: true,
    shared: true,
    ages: true,
    keyBytes: 1976,
    valueBytes: { fits: 16 * 1024 * 1024, exceeds: 16 * 1024 * 1024 + 1 },
    fastCheck: fc,
    runner: { describe, it },
    place: () => {
      const path = mkdtempSync(join(tmpdir(), 'rxkeeper-test-'))
      return {
        open: options => lmdbStore({ cache, ...options, path }),
        age: (key, version) => age(path, key, version),
        remove: () => rmSync(path, { recursive: true }),
      }
    },
  })
}
