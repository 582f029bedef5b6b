import { mergeMap, Observable, of, retry, type SchedulerLike, Subject, tap } from 'rxjs'
import { KVError, type KVErrorCode } from '../../src/base/errors.ts'
import { timingOf } from '../../src/base/timing.ts'
import type { OwnedPartition } from '../../src/contract/owned-partition.ts'
import { ownPartitions$ } from '../../src/groups/ownPartitions.ts'
import type { KVStore } from '../../src/store/kv-store.ts'
import type { MemberEvent } from '../../src/testing/arbitrary-memberships.ts'
import type { Work } from './consumer.ts'

/** A process on virtual time. */
export interface TrialProcess {
  readonly store: KVStore<number[]>
  readonly scheduler: SchedulerLike
  freeze(lasts: number): void
  die(): void
  expire(): void
}

/** Processes the records of a partition until it is given up; completes then. */
export type Consume = (work: Work, owned: OwnedPartition<number>) => Observable<unknown>

/** What a pipeline fails with when the servers are away for long, or do not tell. */
const PASSING: readonly KVErrorCode[] = ['TIMEOUT', 'INDETERMINATE', 'UNAVAILABLE']

/** What a member owns and does. */
interface Member {
  readonly process: TrialProcess
  readonly name: string
  readonly leave$: Subject<void>
  readonly owned: Map<string, OwnedPartition<number>>
  state: 'running' | 'leaving' | 'left' | 'dead'
}

/** Members of a group, each a process, to whom things happen. */
export class Trial {
  readonly partitions: readonly string[]
  readonly records: number
  readonly errors: unknown[] = []
  /** Who was given which partition, in order. */
  readonly given: [partition: string, member: string][] = []
  readonly #members = new Map<number, Member>()
  readonly #consume: Consume
  readonly #start: (name: string) => TrialProcess
  #started = 0

  constructor(partitions: number, records: number, consume: Consume, start: (name: string) => TrialProcess) {
    this.#consume = consume
    this.partitions = Array.from({ length: partitions }, (_, i) => `p${i}`)
    this.records = records
    this.#start = start
  }

  /** Those that take part. */
  get running(): Member[] {
    return [...this.#members.values()].filter(({ state }) => state === 'running')
  }

  happen(event: MemberEvent): void {
    const member = this.#members.get(event.member)
    if (event.type === 'join') {
      if (member?.state !== 'running' && member?.state !== 'leaving') this.#join(event.member)
    } else if (member === undefined || member.state === 'dead') return
    else if (event.type === 'freeze') member.process.freeze(event.lasts)
    else if (event.type === 'expire') member.process.expire()
    else if (event.type === 'die') {
      member.state = 'dead'
      member.process.die()
    } else if (member.state === 'running') {
      member.state = 'leaving'
      member.leave$.next()
    }
  }

  /** How the partitions should be shared by those that take part, given that nothing happens any more. */
  isEven(): boolean {
    const counts = this.running.map(({ owned }) => owned.size)
    const sum = counts.reduce((a, b) => a + b, 0)
    return sum === this.partitions.length && Math.max(...counts) - Math.min(...counts) <= 1
  }

  /** Who owns what. */
  get owners(): Map<string, string> {
    return new Map(
      this.running.flatMap(({ name, owned }) =>
        [...owned.keys()].map(partition => [partition, name] as const),
      ),
    )
  }

  #join(number: number): void {
    const name = `m${number}-${this.#started++}`
    const process = this.#start(name)
    const { store } = process
    const timing = timingOf(process.scheduler)
    const leave$ = new Subject<void>()
    const owned = new Map<string, OwnedPartition<number>>()
    const work: Work = {
      store,
      timing,
      records: this.records,
      pace: 40,
      failed: error => this.errors.push(error),
    }
    const given$ = ownPartitions$<number>(store, {
      group: 'trial',
      partitions$: of(this.partitions),
      leave$,
      member: name,
    }).pipe(
      tap(partition => {
        this.given.push([partition.partition, name])
        owned.set(partition.partition, partition)
        partition.lost$.subscribe({
          complete: () => owned.get(partition.partition) === partition && owned.delete(partition.partition),
        })
      }),
      mergeMap(partition => this.#consume(work, partition)),
      // Nobody is left in a group whose pipeline has failed; the next one joins it anew.
      retry({
        delay: (error: unknown) =>
          new Observable<void>(subscriber => {
            if (!(error instanceof KVError && PASSING.includes(error.code))) throw error
            owned.clear()
            subscriber.add(timing.after(100, () => subscriber.next()))
          }),
      }),
    )
    const member: Member = { process, name, leave$, owned, state: 'running' }
    this.#members.set(number, member)
    given$.subscribe({
      complete: () => {
        member.state = 'left'
      },
      error: error => this.errors.push(error),
    })
  }
}
