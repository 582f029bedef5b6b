import { stat } from 'node:fs/promises'
import { concatMap, defer, distinctUntilChanged, map, type Observable, timer } from 'rxjs'
import { KVError } from '../../base/errors.ts'
import type { Delivered, InputOptions, Lag, PartitionedInput } from '../partitioned-input.ts'
import { Readers } from '../readers.ts'
import { configOf, type FilesConfig, type FilesInputOptions } from './options.ts'
import { checkPosition, listPartitions, partOf } from './partitions.ts'
import { PartReading } from './read.ts'

/** Files as a partitioned input, made by {@link filesInput}. */
export class FilesInput<T> implements PartitionedInput<T, number>, AsyncDisposable {
  /** All partitions; with `follow`, again at each change; without it, an error where no file matches. */
  readonly partitions$: Observable<readonly string[]>
  readonly #config: FilesConfig<T>
  readonly #options: InputOptions<number>
  readonly #readers = new Readers()

  constructor(options: FilesInputOptions<T>) {
    const config = configOf(options)
    this.#config = config
    this.#options = options
    const list$ = defer(() => list(config))
    const key = (names: readonly string[]): string => names.join('\n')
    this.partitions$ =
      config.follow === undefined
        ? list$.pipe(map(names => found(names, config)))
        : timer(0, config.follow).pipe(
            concatMap(() => list$),
            distinctUntilChanged((a, b) => key(a) === key(b)),
          )
  }

  /** The records of a partition after a position, or from its beginning. */
  read(partition: string, after: number | undefined): AsyncIterable<Delivered<T, number>> {
    return this.#readers.read(`reading ${partition}`, signal =>
      new PartReading(partOf(partition, this.#config), this.#config, this.#options, signal).records(after),
    )
  }

  /** The number of bytes after a position. */
  async lag(partition: string, after?: number): Promise<Lag> {
    const part = partOf(partition, this.#config)
    checkPosition(part, after)
    const { path, from, to } = part
    const size = await stat(path).then(
      found => found.size,
      cause => {
        throw KVError.from(cause, 'INVALID_ARGUMENT', `cannot read ${partition}`)
      },
    )
    return { amount: Math.max(0, Math.min(size, to) - (after ?? from)), unit: 'bytes' }
  }

  /** Ends all reading. Idempotent. */
  close(): Promise<void> {
    return this.#readers.close()
  }

  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

async function list(config: FilesConfig<unknown>): Promise<readonly string[]> {
  try {
    return await listPartitions(config)
  } catch (cause) {
    throw KVError.from(cause, 'ENGINE', `listing ${config.patterns.join(', ')}`)
  }
}

function found(names: readonly string[], { patterns, cwd }: FilesConfig<unknown>): readonly string[] {
  if (names.length > 0) return names
  throw new KVError('INVALID_ARGUMENT', `there is no file ${patterns.join(', ')} in ${cwd}`)
}

/**
 * Files as a partitioned input: NDJSON and CSV, large files in several partitions (`flights.ndjson#0-67108864`), each
 * with the records that begin in its byte range.
 *
 * A position is the byte at which the next record begins, so reading goes on without reading anything twice. Names of
 * partitions and positions stay the same in every process and run, even when a file grows; each process must see the
 * same files below its `cwd`.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { filesInput } from 'rxkeeper/inputs/files'
 *
 * const cwd = mkdtempSync(join(tmpdir(), 'example-'))
 * writeFileSync(join(cwd, 'visits.csv'), 'user,page\nalice,/\nbob,"/a,b"\n')
 *
 * const input = filesInput<{ user: string; page: string }>({ files: '*.csv', cwd })
 * for await (const { record, position } of input.read('visits.csv', undefined)) {
 *   console.log(record.user, record.page, position) // alice / 18, bob /a,b 29
 * }
 * rmSync(cwd, { recursive: true })
 * ```
 */
export const filesInput = <T>(options: FilesInputOptions<T>): FilesInput<T> => new FilesInput(options)
