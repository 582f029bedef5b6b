import { isObservable, type Observable } from 'rxjs'
import { KVError } from '../base/errors.ts'
import type { PartitionedInput } from '../inputs/partitioned-input.ts'
import { pull$ } from '../operators/pull.ts'
import type { Plan } from './plan.ts'
import type { JobContext, JobInput } from './types.ts'

/** The input of a job; makes it, if the job has a function for that. */
export function inputOf<T, V, R, C>(
  { name, input }: Plan<T, V, R, C>,
  context: JobContext<V, C>,
): { readonly input: JobInput<T>; readonly isMade: boolean } {
  if (input === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `the job '${name}' has no \`input\`; give it to \`job\` or to \`run\``,
    )
  }
  return typeof input === 'function' ? { input: input(context), isMade: true } : { input, isMade: false }
}

export const isPartitioned = <T>(input: JobInput<T>): input is PartitionedInput<T, unknown> =>
  typeof input === 'object' && input !== null && 'partitions$' in input && 'read' in input

/** The records of an input without partitions. */
export const recordsOf = <T>(input: Exclude<JobInput<T>, PartitionedInput<T, unknown>>): Observable<T> =>
  isObservable(input) ? input : pull$(input)
