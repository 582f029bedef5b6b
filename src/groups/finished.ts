import { Observable, type Subscription } from 'rxjs'
import { KVError } from '../base/errors.ts'
import { text } from '../codecs.ts'
import type { Write } from '../contract/engine.ts'
import type { OwnedPartition } from '../contract/owned-partition.ts'
import { accessOf } from '../store/access.ts'
import { CommitBy } from '../store/asked.ts'
import type { AnyStore } from '../store/kv-store.ts'
import { observedOf } from '../store/observed-engine.ts'
import { isPassing } from './partition-nodes.ts'
import { GroupTree } from './tree.ts'

/** The pause before a retry, in milliseconds. */
const PAUSE = 200

/**
 * Tells the group that a partition of a bounded input is processed to its end, and completes. The next owner withdraws
 * that and checks for itself. Transient failures are retried until the partition is lost.
 */
export function finish$(store: AnyStore, group: string, owned: OwnedPartition): Observable<never> {
  const { partition } = owned
  const [fence] = owned.fences
  const finishedNode = new GroupTree(group).finishedNode(partition)
  return new Observable(subscriber => {
    const { timing } = observedOf(store)
    const access = accessOf(store)
    const attempt = (): void => {
      const nodes: Write[] = [
        { type: 'check', key: fence.node, ifVersion: fence.version },
        { type: 'put', key: finishedNode, value: text.encode(partition), ifVersion: 'absent' },
      ]
      access.commit(
        [],
        new CommitBy(
          () => subscriber.closed,
          () => subscriber.complete(),
          error => {
            // An earlier attempt, whose answer was lost, has created it.
            if (error.key === finishedNode && error.code === 'VERSION_CONFLICT') subscriber.complete()
            else if (error.code === 'VERSION_CONFLICT') subscriber.error(fence.fenced(error))
            else if (isPassing(error)) subscriber.add(timing.after(PAUSE, attempt))
            else subscriber.error(error)
          },
        ),
        { nodes },
      )
    }
    subscriber.add(owned.lost$.subscribe(error => subscriber.error(error)))
    if (!subscriber.closed) attempt()
  })
}

/**
 * Completes when every partition of a group has been processed to its end since this began, whoever owned it: when the
 * list of partitions can no longer change, and each of them has been owned since and is finished.
 */
export function allFinished$(
  store: AnyStore,
  group: string,
  partitions$: Observable<readonly string[]>,
): Observable<never> {
  const tree = new GroupTree(group)
  return new Observable(subscriber => {
    const { engine, timing } = observedOf(store)
    const access = accessOf(store)
    const { nodes } = engine
    if (nodes === undefined) return
    /** Partitions that have had an owner since we began: what was finished before does not count. */
    const seen = new Set<string>()
    let names: readonly string[] = []
    let isComplete = false
    let finished: ReadonlySet<string> = new Set()
    let asking = false
    let retry: Subscription | undefined
    const error = (cause: unknown): void => subscriber.error(cause)
    const look = (): void => {
      if (!isComplete || asking || !names.every(name => seen.has(name) && finished.has(name))) return
      asking = true
      // The two lists may be from different moments; what is read now is newer than both.
      let left = names.length
      let missing: KVError | 'missing' | undefined
      const end = (): void => {
        asking = false
        if (missing === undefined) subscriber.complete()
        else if (missing === 'missing' || isPassing(missing)) {
          retry?.unsubscribe()
          retry = timing.after(PAUSE, look)
          subscriber.add(retry)
        } else subscriber.error(missing)
      }
      if (left === 0) end()
      for (const name of names) {
        access.readNode(tree.finishedNode(name), stored => {
          if (stored instanceof KVError) missing = stored
          else if (stored === undefined) missing ??= 'missing'
          if (--left === 0 && !subscriber.closed) end()
        })
      }
    }
    subscriber.add(
      nodes.children(tree.owners).subscribe({
        next: children => {
          for (const { name } of children) seen.add(name)
          look()
        },
        error,
      }),
    )
    subscriber.add(
      nodes.children(tree.finished).subscribe({
        next: children => {
          finished = new Set(children.map(({ name }) => name))
          look()
        },
        error,
      }),
    )
    subscriber.add(
      partitions$.subscribe({
        next: partitions => {
          names = partitions
        },
        error,
        complete: () => {
          isComplete = true
          look()
        },
      }),
    )
  })
}
