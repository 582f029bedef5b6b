import type { PartitionedInput, Undecodable } from '../index.ts'
import { filesInput } from '../inputs/files.ts'
import { CliError, ExitCode } from './exit-codes.ts'
import type { InputFormat, Unreadable } from './input.ts'

/** Files read in partitions, so that several processes can share them. */
export class SharedFiles {
  readonly input: PartitionedInput<unknown, number>
  /** How many records could not be read. */
  unreadable = 0

  constructor(files: string, format: InputFormat | undefined, unreadable: Unreadable | undefined) {
    if (format === 'json') {
      throw new CliError('JSON is read as a whole; share NDJSON or CSV with a group', ExitCode.usage)
    }
    const undecodable =
      unreadable &&
      (({ partition, position, content, error }: Undecodable<number>): void => {
        this.unreadable++
        unreadable(Buffer.from(content).toString(), new Error(`${partition}@${position}: ${error.message}`))
      })
    this.input = filesInput({ files, format, undecodable })
  }
}
