import type { OperatorFunction } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Access } from '../../store/access.ts'
import type { ProcessOptions } from '../processKV.ts'
import { bound, wholeOrInfinite } from './arguments.ts'
import type { DueCommits, Process } from './batch.ts'
import { CommitFence } from './commit-fence.ts'
import { CommitLoop, mostCommits } from './commit-loop.ts'
import type { Journal } from './journal.ts'
import { operate } from './operate.ts'

/** How many keys of an owned partition are remembered by default. */
const REMEMBERED = 100_000

/** Throws `INVALID_ARGUMENT` where one of the two options of an owned partition is missing. */
function fenceOf<T>(
  { partition, positionOf }: Pick<ProcessOptions<T, never, never, unknown>, 'partition' | 'positionOf'>,
  journal: Journal | undefined,
): (() => CommitFence<T>) | undefined {
  if (partition === undefined && positionOf === undefined) return undefined
  if (partition === undefined || positionOf === undefined) {
    throw new KVError(
      'INVALID_ARGUMENT',
      `\`${partition === undefined ? 'positionOf' : 'partition'}\` needs \`${partition === undefined ? 'partition' : 'positionOf'}\`, too`,
    )
  }
  return () => new CommitFence(partition.fence, positionOf, journal?.outputs)
}

export const isSamePrimitive = (before: unknown, after: unknown): boolean =>
  Object.is(before, after) && (typeof after !== 'object' || after === null) && typeof after !== 'function'

/** What a process loop has beside its options. */
interface Extras<T, V> {
  readonly journal?: Journal | undefined
  readonly due?: DueCommits<T, V> | undefined
}

/** The process loop, on an access of its own. */
export function processOn<T, V, N, R>(
  access: Access<V>,
  keyOf: (record: T) => string,
  transform: (record: T, value: V | undefined) => V | undefined,
  options: ProcessOptions<T, V, N, R>,
  { journal, due }: Extras<T, V>,
): OperatorFunction<T, R> {
  const commitSize = wholeOrInfinite('commitSize', options.commitSize, 8192)
  const fence = fenceOf(options, journal)
  const process: Process<T, V, R> = {
    keyOf,
    transform,
    project: options.project as Process<T, V, R>['project'],
    unchanged: options.unchanged ?? isSamePrimitive,
    commitWith: options.commitWith,
    commitOutputs: options.commitOutputs,
    deadLetter: options.deadLetter === 'fail' ? undefined : options.deadLetter,
    commitSize,
    remember: bound('remember', options.remember, fence === undefined ? 0 : REMEMBERED, 0),
    fence,
    journal,
    due,
  }
  return operate(
    (1 + mostCommits(process)) * commitSize,
    (destination, intake) => new CommitLoop(access, process, destination, intake),
  )
}
