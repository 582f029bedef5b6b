import { defer, type OperatorFunction } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { KVStore } from '../../store/kv-store.ts'
import type { FinalWindow, FinalWindowOptions, Window } from '../windowKV.ts'
import { bound } from './arguments.ts'
import { emitsFinal, late, processFinal } from './final.ts'
import { flatten } from './flatten.ts'
import { Assigner, type Visit, type WindowLayout, type WindowSpan } from './windows.ts'

/** Refuses a `keep` with which a newer window could replace one that is not final yet. */
function checkPlaces({ size, every, keep }: WindowLayout, lateness: number): void {
  if (keep === undefined || keep * every >= size + lateness) return
  throw new KVError(
    'INVALID_ARGUMENT',
    `\`keep\` must be at least ${Math.ceil((size + lateness) / every)}, got ${keep}: ` +
      `windows are final after ${size} ms and a \`lateness\` of ${lateness} ms, a place is taken again after ${keep * every} ms`,
  )
}

/** Windows emitted once, when they are final. */
export function finalWindows<T, V>(
  store: KVStore<Window<V>>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined, window: WindowSpan) => V,
  options: FinalWindowOptions<T, V>,
  layout: WindowLayout,
): OperatorFunction<T, FinalWindow<V>> {
  emitsFinal(options.emit)
  checkPlaces(layout, bound('lateness', options.lateness, 0, 0))
  const isKept = options.keep !== 0
  const final = (window: Window<V>): FinalWindow<V> => ({ ...window, final: true })
  const update = processFinal<T, Visit<T>, Window<V>, FinalWindow<V>>(store, options, {
    recordOf: ({ record }) => record,
    keyOf({ place, failure }) {
      if (place === undefined) throw failure
      return place.storeKey
    },
    timeOf: ({ time }) => time,
    lateness: options.lateness,
    transform({ record, time, place }, current, timers) {
      const { span } = place!
      const { key, start, end } = span
      const isSame = current?.start === start
      // If a key is in several partitions, another owner may be further.
      if (end <= timers.now || (isSame && current.final)) {
        throw late(time, timers.now, `its window, to ${new Date(end).toISOString()}, is final`)
      }
      if (!isSame) timers.set(end)
      return { key, start, end, value: transform(record, isSame ? current.value : undefined, span) }
    },
    onTimer: (_, window) => (isKept ? final(window) : undefined),
    resultsOf: (_, window) => [final(window)],
  })
  return source =>
    defer(() => {
      const assigner = new Assigner(keyOf, options.timeOf, layout)
      return source.pipe(
        flatten(record => assigner.visits(record)),
        update,
      )
    })
}
