import { KVError } from '../../base/errors.ts'
import { timingOf } from '../../base/timing.ts'
import { quoteKey } from '../../contract/keys.ts'
import type { KVStore, StoreOptions } from '../../store/kv-store.ts'
import { kvStore } from '../../store/store.ts'
import { LmdbEngine } from './engine.ts'
import { Root } from './root.ts'

const MAX_ROOT_BYTES = 512

/** Options of {@link lmdbStore}. */
export interface LmdbStoreOptions<V> extends StoreOptions<V> {
  /** The folder of the data; created if absent. Stores of one or several processes may share it. */
  readonly path: string
  /**
   * The keyspace in the folder: stores with the same root share their keys. At most 512 bytes, without NUL; a key may
   * have 1,976 bytes minus those of the root.
   * @defaultValue '' (a keyspace like any other)
   */
  readonly root?: string | undefined
}

/**
 * A durable, embedded store in a folder, without a server. Needs the npm package `lmdb`.
 *
 * Opens at once (or after a write of another process that is in progress). Throws `ENGINE` if the folder cannot be
 * used, `UNSUPPORTED` if `lmdb` is not installed. A write is acknowledged when it is on disk. Reads are answered from
 * memory. Watches see writes of this process at once. Writes of other processes are read at once, and noticed by
 * watches and caches within 25 ms: everything that is watched is then read again, and `changes$` emits another
 * `synced`.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from 'node:fs'
 * import { firstValueFrom } from 'rxjs'
 * import { json } from 'rxkeeper'
 * import { lmdbStore } from 'rxkeeper/lmdb'
 *
 * const path = mkdtempSync('/tmp/example-')
 * const store = lmdbStore({ path, value: json<number>() })
 * await firstValueFrom(store.put$('alice', 1))
 * await store.close()
 *
 * await using again = lmdbStore({ path, value: json<number>() })
 * console.log(await firstValueFrom(again.get$('alice'))) // 1
 * rmSync(path, { recursive: true })
 * ```
 */
export const lmdbStore = <V>(options: LmdbStoreOptions<V>): KVStore<V> => lmdbStoreFor(options)

/** @param mover the name of the run of a move that it is for */
export function lmdbStoreFor<V>(options: LmdbStoreOptions<V>, mover?: string): KVStore<V> {
  const { path, root = '', scheduler } = options
  if (typeof path !== 'string' || path === '') {
    throw new KVError('INVALID_ARGUMENT', `\`path\` must name a folder, got ${quoteKey(path)}`)
  }
  checkRoot(root)
  const engine = new LmdbEngine(Root.acquire(path, root), timingOf(scheduler), mover)
  try {
    return kvStore(engine, options)
  } catch (error) {
    void engine.close()
    throw error
  }
}

function checkRoot(root: unknown): void {
  const fault =
    typeof root !== 'string'
      ? 'is not a string'
      : !root.isWellFormed()
        ? 'has a lone surrogate'
        : root.includes('\0')
          ? 'has a NUL'
          : Buffer.byteLength(root) > MAX_ROOT_BYTES
            ? `has more than ${MAX_ROOT_BYTES} bytes`
            : undefined
  if (fault !== undefined) throw new KVError('INVALID_ARGUMENT', `\`root\` ${quoteKey(root)} ${fault}`)
}
