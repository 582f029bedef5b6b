import { KVError } from '../base/errors.ts'
import { RunHandle } from './events.ts'
import { Execution } from './run.ts'
import type { Job, JobDefinition, RunOptions } from './types.ts'

function check(
  definition: object,
  field: string,
  expected: string,
  isRight: (value: unknown) => boolean,
): void {
  const value = (definition as Record<string, unknown>)[field]
  if (isRight(value)) return
  throw new KVError('INVALID_ARGUMENT', `\`${field}\` of a job must be ${expected}, got ${nameOf(value)}`)
}

const nameOf = (value: unknown): string =>
  value === '' ? "''" : value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isMethod = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && isFunction((value as Record<string, unknown>)[name])

function checkDefinition(definition: object): void {
  check(definition, 'name', 'a string that is not empty', value => typeof value === 'string' && value !== '')
  check(
    definition,
    'value',
    'a codec, such as json()',
    value => isMethod(value, 'encode') && isMethod(value, 'decode'),
  )
  check(definition, 'keyOf', 'a function', isFunction)
  check(definition, 'transform', 'a function', isFunction)
  check(definition, 'project', 'a function', value => value === undefined || isFunction(value))
  checkShared(definition)
}

/** What `run` may be given, too. */
function checkShared(options: object): void {
  check(
    options,
    'group',
    'a string that is not empty',
    value => value === undefined || (typeof value === 'string' && value !== ''),
  )
  const isSink = (none: string) => (value: unknown) =>
    value === undefined || value === none || isFunction(value)
  check(options, 'output', "a function or 'none'", isSink('none'))
  check(options, 'deadLetter', "a function or 'fail'", isSink('fail'))
}

/**
 * Describes a job: an input, whose records are processed by key into a store, and their outputs.
 *
 * `run` opens the store, takes the input through `processKV`, measured, and ends in good order at the end of the input, at
 * `SIGINT` or `SIGTERM`, or when it is told to: it takes no more records, lets what is in flight finish, gives out the
 * last outputs and figures, and closes what it opened. A second signal ends it at once. State and outputs are
 * at-least-once; with `position` or a `PartitionedInput`, a record counts exactly once in the state.
 *
 * Throws `INVALID_ARGUMENT`, which names the field, for a description that is wrong.
 *
 * @example
 * ```ts
 * import { job, json } from 'rxkeeper'
 *
 * const visits = job({
 *   name: 'visits',
 *   value: json<number>(),
 *   store: 'memory:',
 *   input: [{ user: 'alice' }, { user: 'bob' }, { user: 'alice' }],
 *   keyOf: visit => visit.user,
 *   transform: (_, count = 0) => count + 1,
 *   output: ([visit, count]) => console.log(visit.user, count), // alice 1, bob 1, alice 2
 * })
 * const { figures } = await visits.run()
 * console.log(figures.total.records) // 3
 * ```
 */
export function job<T, V, N extends V | undefined = V | undefined, R = [record: T, value: N], C = unknown>(
  definition: JobDefinition<T, V, N, R, C>,
): Job<T, V, R, C> {
  checkDefinition(definition)
  return {
    name: definition.name,
    definition: definition as JobDefinition<T, V, V | undefined, R, C>,
    run(options: RunOptions<T, V, R, C> = {}) {
      checkShared(options)
      const { store, input, group, output, deadLetter, publish } = options
      const given = Object.entries({ store, input, group, output, deadLetter, publish }).filter(
        ([, value]) => value !== undefined,
      )
      const plan = { ...definition, ...Object.fromEntries(given) } as JobDefinition<T, V, V | undefined, R, C>
      const execution = new Execution(plan, options)
      const handle = new RunHandle(execution.events, execution)
      execution.start()
      return handle
    },
  }
}
