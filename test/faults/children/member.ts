/*
 * A member of a group that processes the records of the partitions that it owns (see `Consumer`). Prints when it is given
 * a partition and when it lets one go or loses it: what, which, and the time. Leaves when its input ends. Arguments: the
 * servers, the root, its name, how many partitions, how many records each has.
 */
import { of, Subject } from 'rxjs'
import { json, ownPartitions$, zookeeperStore } from 'rxkeeper'
import { observedOf } from '../../../src/store/observed-engine.ts'
import { Consumer } from '../../groups/consumer.ts'

const [servers, root, member, partitions, records] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
]
const store = zookeeperStore({ servers, root, value: json<number[]>(), sessionTimeout: 2000 })
const { timing } = observedOf(store)
const leave$ = new Subject<void>()
const say = (what: string, partition: string) => console.log(`${what} ${partition} ${Date.now()}`)

const fail = (error: unknown): never => {
  console.error(error)
  process.exit(1)
}

ownPartitions$<number>(store, {
  group: 'processes',
  partitions$: of(Array.from({ length: Number(partitions) }, (_, i) => `p${i}`)),
  leave$,
  member,
}).subscribe({
  next: owned => {
    say('owns', owned.partition)
    owned.lost$.subscribe({
      next: () => say('lost', owned.partition),
      complete: () => say('ended', owned.partition),
    })
    new Consumer({ store, timing, records: Number(records), pace: 10, failed: fail }, owned)
  },
  complete: () => void store.close(),
  error: fail,
})

process.stdin.resume().on('end', () => leave$.next())
