/*
 * A member of three groups: their partitions have clicks, of which it makes windows, sessions and joins, each result written once
 * by the commit in which it is final. Prints `owns` for each partition that it is given. Leaves when its input ends. Arguments: the
 * servers, the root, how many clicks each partition has.
 */
import { concatMap, delay, from, mergeMap, of, Subject } from 'rxjs'
import { json, ownPartitions$, zookeeperStore } from 'rxkeeper'
import { clicksOf, PARTITIONS, pipelines } from '../support/clicks.ts'

const [servers, root, count] = process.argv.slice(2) as [string, string, string]
const leave$ = new Subject<void>()

const fail = (error: unknown): void => {
  const isLost = (error as { code?: string }).code === 'FENCED'
  if (isLost) return
  console.error(error)
  process.exit(1)
}

for (const [name, make] of Object.entries(pipelines)) {
  const store = zookeeperStore({
    servers,
    root: `${root}/${name}`,
    value: json<never>(),
    sessionTimeout: 2000,
  })
  ownPartitions$<number>(store, { group: 'final', partitions$: of(PARTITIONS), leave$ })
    .pipe(
      mergeMap(owned => {
        console.log(`owns ${name} ${owned.partition}`)
        const rest = clicksOf(owned.partition, Number(count)).slice(owned.position ?? 0)
        const clicks$ = from(rest).pipe(concatMap(click => of(click).pipe(delay(2))))
        const operator = make(store, {
          commitSize: 16,
          partition: owned,
          positionOf: ({ id }) => id,
          deadLetter: () => {},
          commitOutputs: results =>
            results.map(result => ({
              type: 'put',
              key: `result ${owned.partition} ${result}`,
              bytes: Buffer.from('1'),
              ifVersion: 'absent',
            })),
        })
        return owned.run$(clicks$, operator)
      }),
    )
    .subscribe({ complete: () => void store.close(), error: fail })
}

process.stdin.resume().on('end', () => leave$.next())
