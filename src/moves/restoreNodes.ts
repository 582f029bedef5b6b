import { concatMap, defer, from, ignoreElements, mergeMap, type Observable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { nodeKey } from '../contract/nodes.ts'
import type { AnyStore } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'
import { type NodeContent, nodesFor } from './nodes.ts'
import type { SavepointNode } from './pauseStore.ts'

/**
 * Restores the nodes of jobs from a savepoint, and completes. Do this after restoring the keys, because jobs continue
 * from there. Restoring to another number of ensembles is possible only if no job had work in progress.
 *
 * Errors: `UNSUPPORTED` if a position is not valid for these ensembles, or the engine has no nodes beside the keys;
 * `INVALID_ARGUMENT` for nodes that are not of one store; and the errors of the store.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs'
 * import { json, memoryStore, restoreNodes$ } from 'rxkeeper'
 *
 * await using store = memoryStore({ value: json<number>() })
 * const value = Buffer.from('{"position":7,"records":7}')
 * await lastValueFrom(restoreNodes$(store, [{ node: ['positions', 'visits'], ensemble: 0, of: 1, value }]), {
 *   defaultValue: undefined,
 * })
 * ```
 */
export function restoreNodes$(store: AnyStore, nodes: readonly SavepointNode[]): Observable<never> {
  return defer(() => {
    if (nodes.length === 0) return from([])
    const { engine, timing, timeout } = observedOf(store)
    const parts = engine.parts?.engines ?? [engine]
    if (!parts.every(({ keepsNodes }) => keepsNodes)) {
      throw new KVError(
        'UNSUPPORTED',
        `the ${engine.name} engine has no place beside the keys for positions of jobs`,
      )
    }
    return from(nodesFor(byEnsemble(nodes), parts.length).entries()).pipe(
      mergeMap(([i, some]) =>
        from(some).pipe(
          concatMap(({ key, value }) =>
            parts[i]!.commit([{ type: 'put', key, value }], { deadline: timing.now() + timeout }),
          ),
        ),
      ),
      ignoreElements(),
    )
  })
}

function byEnsemble(nodes: readonly SavepointNode[]): NodeContent[][] {
  const count = nodes[0]!.of
  const ensembles = Array.from({ length: count }, (): NodeContent[] => [])
  for (const { node, ensemble, of, value } of nodes) {
    const some = ensembles[ensemble]
    const [first, ...rest] = node
    if (of !== count || some === undefined || first === undefined) {
      throw new KVError(
        'INVALID_ARGUMENT',
        `the node ${JSON.stringify(node)} is not of the same store as the others`,
      )
    }
    some.push({ key: nodeKey(first, ...rest), value })
  }
  return ensembles
}
