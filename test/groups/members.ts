import { firstValueFrom, type Observable, Subject, type Subscription } from 'rxjs'
import { json } from '../../src/codecs.ts'
import type { Engine } from '../../src/contract/engine.ts'
import type { OwnedPartition } from '../../src/contract/owned-partition.ts'
import { ownPartitions$ } from '../../src/groups/ownPartitions.ts'
import { kvStore } from '../../src/store/store.ts'
import { within } from '../zookeeper/opening.ts'

/** A member of a group, with what it owns, on an engine of its own. */
export class TestMember {
  readonly engine: Engine
  readonly leave$ = new Subject<void>()
  /** What it was given and has neither let go nor lost. */
  readonly owned = new Map<string, OwnedPartition<number>>()
  /** What it has lost, and why. */
  readonly lost: string[] = []
  state: 'running' | 'left' | unknown = 'running'
  /** Whether it gives up what it is asked for at once. */
  obliging = true
  readonly #running: Subscription

  constructor(engine: Engine, member: string, partitions$: Observable<readonly string[]>, group = 'g') {
    this.engine = engine
    const store = kvStore(engine, { value: json<number>() })
    this.#running = ownPartitions$<number>(store, {
      group,
      partitions$,
      leave$: this.leave$,
      member,
    }).subscribe({
      next: owned => this.#take(owned),
      complete: () => {
        this.state = 'left'
      },
      error: error => {
        this.state = error
      },
    })
  }

  get names(): string[] {
    return [...this.owned.keys()].sort()
  }

  /** Commits the next position of a partition. */
  async advance(partition: string): Promise<void> {
    const {
      fences: [fence],
    } = this.owned.get(partition)!
    const { position = 0, records } = fence.state
    const state = { position: position + 1, records: records + 1 }
    const [written] = await firstValueFrom(
      this.engine.commit([fence.write(state, fence.version)], within(20_000)),
    )
    fence.committed(written!.version, state)
  }

  stop(): void {
    this.#running.unsubscribe()
  }

  #take(owned: OwnedPartition<number>): void {
    const { partition } = owned
    this.owned.set(partition, owned)
    owned.release$.subscribe(() => this.obliging && owned.done())
    owned.lost$.subscribe({
      next: error => this.lost.push(`${partition}: ${error.code}`),
      complete: () => this.owned.get(partition) === owned && this.owned.delete(partition),
    })
  }
}
