import type { InputOptions, PartitionedInput } from '../../inputs/partitioned-input.ts'

/** The records that the suite writes into partitions and expects to read. */
export interface ContractRecord {
  /** The number of the record in its partition, from 0. */
  readonly n: number
  /** Padding, to make the record as long as a case needs. */
  readonly text: string
}

/** Whatever holds partitions, such as a broker or a folder: the suite fills it and reads it through the input. */
export interface InputPlace<P> {
  /** The names of its partitions, as many as requested, all empty. */
  readonly partitions: readonly string[]
  /** Adds records at the end of a partition; resolves when they can be read. */
  append(partition: string, records: readonly ContractRecord[]): Promise<void>
  /** Adds a record that the input cannot decode; absent where every record can be decoded. */
  appendUndecodable?(partition: string): Promise<void>
  /** Opens an input on it; several times for several processes. Undecodable records go to `undecodable`. */
  open(
    options: InputOptions<P>,
  ): PartitionedInput<ContractRecord, P> | Promise<PartitionedInput<ContractRecord, P>>
  /** Adds a partition and returns its name; absent where an open input does not look for new ones. */
  addPartition?(): Promise<string>
  /** Cuts the connections of the inputs; they may connect again at once. */
  cut?(): Promise<void> | void
  /** Kills the server and starts it again with its data; resolves when it serves. */
  restart?(): Promise<void>
  /** Removes the oldest records up to `position`, which may or may not be included, as retention does. */
  trim?(partition: string, position: P): Promise<void>
  /** Removes the place; all inputs are closed by then. */
  remove?(): Promise<void> | void
}

/** One case: a place and the inputs opened on it; all are closed and removed at its end. */
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

/** What an input can do; the suite adapts to it. */
export interface InputCapabilities {
  /** Whether reading ends at the end of a partition; otherwise it waits for more. */
  readonly bounded: boolean
  /**
   * How many records of 1,024 letters the case about flat memory reads.
   * @defaultValue 50000
   */
  readonly many: number
}

/** The cases of one subject. */
export interface InputSuite<P> {
  readonly capabilities: InputCapabilities
  /** Declares a case on a place with this many partitions. */
  it(name: string, partitions: number, run: (test: InputCase<P>) => Promise<void>): void
}
