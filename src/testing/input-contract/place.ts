import type { InputOptions, PartitionedInput } from '../../inputs/partitioned-input.ts'

/** What the suite writes into partitions and expects to read from them. */
export interface ContractRecord {
  /** Counts the records of a partition, from 0. */
  readonly n: number
  /** Letters, to make the record as long as a case needs. */
  readonly text: string
}

/** A broker, a folder, whatever holds partitions: filled by the suite, read through the input. */
export interface InputPlace<P> {
  /** The names of its partitions, as many as were asked for, all empty. */
  readonly partitions: readonly string[]
  /** Adds records at the end of a partition; settles when they can be read. */
  append(partition: string, records: readonly ContractRecord[]): Promise<void>
  /** Adds one that the input cannot decode; absent where there is none such. */
  appendUndecodable?(partition: string): Promise<void>
  /** Opens an input on it; several times for several processes. Its undecodable records go to the option. */
  open(
    options: InputOptions<P>,
  ): PartitionedInput<ContractRecord, P> | Promise<PartitionedInput<ContractRecord, P>>
  /** Makes one more partition and gives its name; absent where an open input does not look for new ones. */
  addPartition?(): Promise<string>
  /** Cuts the connections of the inputs; they may connect again at once. */
  cut?(): Promise<void> | void
  /** Kills the server and starts it again with its data; settles when it serves. */
  restart?(): Promise<void>
  /** Removes the oldest records, up to `position`, with or without it, as retention does. */
  trim?(partition: string, position: P): Promise<void>
  /** Removes the place; all inputs are closed by then. */
  remove?(): Promise<void> | void
}

/** One case: a place, and the inputs opened on it, all closed and removed at its end. */
export class InputCase<P> implements AsyncDisposable {
  readonly place: InputPlace<P>
  readonly #inputs: PartitionedInput<ContractRecord, P>[] = []

  constructor(place: InputPlace<P>) {
    this.place = place
  }

  /** The first partition. */
  get partition(): string {
    return this.place.partitions[0]!
  }

  readonly open = async (options: InputOptions<P> = {}): Promise<PartitionedInput<ContractRecord, P>> => {
    const input = await this.place.open(options)
    this.#inputs.push(input)
    return input
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#inputs.map(input => input.close?.()))
    await this.place.remove?.()
  }
}

/** What the suite is told of an input; it adapts to it. */
export interface InputCapabilities {
  /** Whether reading ends at the end of a partition; else it waits for more. */
  readonly bounded: boolean
  /**
   * How many records of 1,024 letters the case of flat memory reads.
   * @defaultValue 50000
   */
  readonly many: number
}

/** Where the cases of one subject are put. */
export interface InputSuite<P> {
  readonly capabilities: InputCapabilities
  /** Declares a case on a place with so many partitions. */
  it(name: string, partitions: number, run: (test: InputCase<P>) => Promise<void>): void
}
