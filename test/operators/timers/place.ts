import fc from 'fast-check'
import { defer, mergeMap, type Observable, throwError } from 'rxjs'
import type { Write } from '../../../src/contract/engine.ts'
import { isNodeKey, nodeKey } from '../../../src/contract/nodes.ts'
import { type Fence, KVError, Memory, MemoryEngine } from '../../../src/index.ts'
import { NodeFence, strideOf } from '../../../src/store/fence.ts'
import { recordOf } from '../../../src/store/partition-record.ts'
import type { Hook } from '../engines.ts'

/** What becomes of a commit, beside being carried out and answered. */
export type Trouble =
  | 'conflict'
  | 'done, not answered'
  | 'not done, not answered'
  | 'too large'
  | 'taken over'
  | 'killed'

/** Trouble by the number of the commit. */
export type Troubles = ReadonlyMap<number, Trouble>

export const troublesWith = (...kinds: Trouble[]): fc.Arbitrary<Troubles> =>
  fc.array(fc.tuple(fc.nat(14), fc.constantFrom(...kinds)), { maxLength: 6 }).map(all => new Map(all))

const NODE = nodeKey('groups', 'g', 'partitions', 'p')

/** How many keys are written that have a state: one that is alone goes into a commit. */
const puts = (writes: readonly Write[]): number =>
  writes.filter(({ type, key }) => type === 'put' && !isNodeKey(key) && !key.startsWith('result ')).length

/** A memory with a partition in it, and what others do to both. */
export class Place {
  readonly memory: Memory = new Memory()
  #commits = 0
  #owners = 0
  /** Ends the process that runs. */
  kill: () => void = () => {}

  /** Takes the partition over, as the next owner does. */
  claim(): Fence<unknown> {
    const engine = new MemoryEngine(this.memory)
    let fence: Fence<unknown> | undefined
    engine.read([NODE]).subscribe(([stored]) => {
      const owner = `owner ${++this.#owners}`
      const record = { ...recordOf<unknown>(NODE, stored), owner }
      const { writes, version } = strideOf(NODE, record, stored?.version ?? 'absent')
      engine.commit(writes).subscribe()
      fence = new NodeFence({ node: NODE, partition: 'p', owner }, version, record, () => {})
    })
    return fence!
  }

  /** Makes trouble for commits that write; the question what was carried out goes well. */
  trouble(troubles: Troubles): Hook {
    const unanswered = (): KVError => new KVError('INDETERMINATE', 'no answer came')
    return <R>(
      { name, writes }: { name: string; writes: readonly Write[] },
      answer$: Observable<R>,
    ): Observable<R> => {
      if (name !== 'commit' || writes.every(({ type }) => type === 'check')) return answer$
      return defer(() => {
        switch (troubles.get(this.#commits++)) {
          case 'conflict':
            this.#touch(writes)
            return answer$
          case 'taken over':
            this.claim()
            return answer$
          case 'killed':
            this.kill()
            return answer$
          case 'done, not answered':
            return answer$.pipe(mergeMap(() => throwError(unanswered)))
          case 'not done, not answered':
            return throwError(unanswered)
          case 'too large':
            return puts(writes) > 1 ? throwError(() => new KVError('VALUE_TOO_LARGE', 'too large')) : answer$
          default:
            return answer$
        }
      })
    }
  }

  /** Another writes what is there once more. */
  #touch(writes: readonly Write[]): void {
    const key = writes.find(write => write.type === 'put' && !isNodeKey(write.key))?.key
    const stored = key === undefined ? undefined : this.memory.entries.get(key)
    if (stored === undefined) return
    new MemoryEngine(this.memory).write([{ type: 'put', key: key!, value: stored.value }]).subscribe()
  }
}
