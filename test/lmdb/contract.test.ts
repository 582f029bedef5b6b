import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { lmdbStore } from 'rxkeeper/lmdb'
import { kvStoreContract } from 'rxkeeper/testing'
import { describe, it } from 'vitest'

for (const cache of [undefined, 100]) {
  kvStoreContract({
    name: cache === undefined ? 'lmdb' : 'lmdb, cached',
    durable: true,
    shared: true,
    keyBytes: 1976,
    valueBytes: { fits: 16 * 1024 * 1024, exceeds: 16 * 1024 * 1024 + 1 },
    fastCheck: fc,
    runner: { describe, it },
    place: () => {
      const path = mkdtempSync(join(tmpdir(), 'rxkeeper-test-'))
      return {
        open: options => lmdbStore({ cache, ...options, path }),
        remove: () => rmSync(path, { recursive: true }),
      }
    },
  })
}
