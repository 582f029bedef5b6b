import { map, type OperatorFunction } from 'rxjs'
import {
  type EventTimeOptions,
  type JoinBuffers,
  joinKV,
  type KVStore,
  type Session,
  type Sessions,
  type Sided,
  sessionKV,
  type Window,
  windowKV,
} from 'rxkeeper'
import {
  addId,
  type Click,
  joinModel,
  type Pair,
  sessionModel,
  showPair,
  windowModel,
} from '../../operators/final-model.ts'
import { type Ids, joinIds } from '../../operators/sessions.ts'
import { Random } from './random.ts'

export const PARTITIONS: readonly string[] = ['p0', 'p1']

const LATENESS = 40
const SIZE = 100
const GAP = 60
const INTERVAL = { before: 30, after: 50 }

/** The clicks of a partition: the same in every process. The last two are so late that all others are final. */
export function clicksOf(partition: string, count: number): Click[] {
  const random = new Random(PARTITIONS.indexOf(partition))
  const side = () => random.pick(['left', 'right'] as const)
  const clicks = Array.from({ length: count }, (_, i): Click => {
    const user = `${partition}-${random.pick(['ann', 'bob', 'cleo'])}`
    return { user, at: 1000 + 10 * i - random.whole(0, 60), id: i + 1, side: side() }
  })
  const end = (id: number, side: 'left' | 'right'): Click => ({ user: `${partition}-end`, at: 1e9, id, side })
  return [...clicks, end(count + 1, 'left'), end(count + 2, 'right')]
}

const userOf = ({ user }: Click): string => user
const timeOf = ({ at }: Click): number => at
const showWindow = ({ key, start, value }: Window<Ids>): string => `${key} ${start} ${value}`
const showSession = ({ key, start, end, value }: Session<Ids>): string => `${key} ${start} ${end} ${value}`

const holding = <V>(store: KVStore<never>): KVStore<V> => store as unknown as KVStore<V>

type Options = EventTimeOptions<Click, never, string>
type Make = (store: KVStore<never>, options: Options) => OperatorFunction<Click, unknown>

/** The pipelines; what is written of a result is a short text. */
export const pipelines: Readonly<Record<'windows' | 'sessions' | 'joins', Make>> = {
  windows: (store, options) =>
    windowKV(holding<Window<Ids>>(store), userOf, addId, {
      ...shown(options, showWindow),
      emit: 'final',
      timeOf,
      size: SIZE,
      lateness: LATENESS,
      keep: 0,
    }),
  sessions: (store, options) =>
    sessionKV(
      holding<Sessions<Ids>>(store),
      userOf,
      (click: Click, ids: Ids = []) => joinIds(addId(click), ids),
      {
        ...shown(options, showSession),
        emit: 'final',
        timeOf,
        gap: GAP,
        grace: LATENESS,
        merge: joinIds,
        keep: 0,
      },
    ),
  joins: (store, options) => {
    const side = { keyOf: userOf, timeOf }
    const clickOf = (record: Sided<Click, Click>): Click => ('left' in record ? record.left : record.right)
    const join = joinKV(holding<JoinBuffers<Click, Click>>(store), {
      ...shown<Pair, Sided<Click, Click>>(options as never, showPair),
      ...INTERVAL,
      positionOf: record => options.positionOf!(clickOf(record)),
      left: side,
      right: side,
      lateness: LATENESS,
      type: 'outer',
    })
    return source =>
      source.pipe(
        map((click): Sided<Click, Click> => (click.side === 'left' ? { left: click } : { right: click })),
        join,
      )
  },
}

/** The options for results that are shown. */
function shown<R, T = Click>(
  { commitOutputs, ...options }: EventTimeOptions<T, never, string>,
  show: (result: R) => string,
): EventTimeOptions<T, never, R> {
  return { ...options, commitOutputs: commitOutputs && (results => commitOutputs(results.map(show))) }
}

/** What is to be final of the clicks of a partition, by the pipeline. */
export function finalOf(partition: string, count: number): Record<keyof typeof pipelines, string[]> {
  const clicks = clicksOf(partition, count)
  const isOver = ({ key }: { readonly key: string }): boolean => !key.endsWith('-end')
  const { pairs, alone } = joinModel(clicks, INTERVAL.before, INTERVAL.after, LATENESS, 'outer')
  return {
    windows: windowModel(clicks, LATENESS, { size: SIZE, every: SIZE })
      .windows.filter(isOver)
      .map(showWindow),
    sessions: sessionModel(clicks, GAP, LATENESS).sessions.filter(isOver).map(showSession),
    joins: [...pairs, ...alone(false)].map(showPair),
  }
}
