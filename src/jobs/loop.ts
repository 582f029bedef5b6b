import { processJournaled } from '../operators/processKV.ts'
import type { Body, Result, Source } from './pipeline.ts'
import type { JobContext, JobDefinition } from './types.ts'

/** The body of a job that keeps a value for each key: the process loop. */
export function loop<I, T, V, R, C>(
  { keyOf, transform, project, deadLetter, process }: JobDefinition<T, V, V | undefined, R, C>,
  { config, store }: JobContext<V, C>,
  source: Source<I, T, V>,
  takeOut: (letter: Result<I, T, R>) => void,
): Body<I, T, R> {
  const { recordOf, positionOf, journal } = source
  return {
    process: processJournaled<I, V, { item: I; output: R }>(
      store,
      item => keyOf(recordOf(item), config),
      (item, value) => transform(recordOf(item), value, config),
      {
        ...source.options,
        ...process,
        // With its item, so that the meter knows what became of which.
        project: (item, value, previous): { item: I; output: R } => {
          const record = recordOf(item)
          return {
            item,
            output: project === undefined ? ([record, value] as R) : project(record, value, previous),
          }
        },
        deadLetter:
          typeof deadLetter === 'function'
            ? ({ record, error }) => {
                const item = record as I
                takeOut({ item, letter: { record: recordOf(item), error } })
              }
            : 'fail',
      },
      journal,
    ),
    positionOf: ({ item }) => positionOf?.(item as I),
    taken: ({ item }) => {
      journal?.outputs.take()
      source.taken?.(item as I)
    },
  }
}
