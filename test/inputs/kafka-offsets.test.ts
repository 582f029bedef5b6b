import type { Broker, Cluster } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { Fetcher } from '../../src/inputs/kafka/fetcher.ts'
import type { Link } from '../../src/inputs/kafka/link.ts'
import { type KafkaInputOptions, settingsOf } from '../../src/inputs/kafka/options.ts'
import { PartitionReading } from '../../src/inputs/kafka/reading.ts'
import { type Fetched, type FetchedMessage, visible } from '../../src/inputs/kafka/visible.ts'

interface BatchOptions {
  readonly producer?: string
  readonly transaction?: boolean
  /** The type of a control record: 0 is abort, 1 is commit. */
  readonly control?: 0 | 1
  /** What was the last offset before compaction. */
  readonly last?: number
}

/** The records of a batch, by offset. */
function batch(offsets: readonly number[], options: BatchOptions = {}): FetchedMessage[] {
  const { producer = '-1', transaction = false, control, last = offsets.at(-1)! } = options
  const batchContext = {
    firstOffset: String(offsets[0]),
    lastOffsetDelta: last - offsets[0]!,
    producerId: producer,
    inTransaction: transaction,
    isControlBatch: control !== undefined,
  }
  return offsets.map(offset => ({
    offset: String(offset),
    key: control === undefined ? null : Buffer.from([0, 0, 0, control]),
    value: Buffer.from(String(offset)),
    timestamp: '0',
    attributes: 0,
    headers: {},
    batchContext,
  }))
}

const fetched = (messages: FetchedMessage[], more: Partial<Fetched> = {}): Fetched => ({
  highWatermark: '100',
  lastStableOffset: '100',
  abortedTransactions: [],
  messages,
  ...more,
})

const offsetsOf = (messages: readonly FetchedMessage[]): number[] =>
  messages.map(({ offset }) => Number(offset))

describe('what is visible', () => {
  it('is behind the offset, though a batch begins before it', () => {
    const { messages, next } = visible(fetched(batch([3, 4, 5, 6])), 5)
    expect(offsetsOf(messages)).toEqual([5, 6])
    expect(next).toBe(7)
  })

  it('ends behind what compaction took from the end of a batch', () => {
    expect(visible(fetched(batch([3, 5], { last: 9 })), 3)).toMatchObject({ next: 10 })
    expect(visible(fetched(batch([3, 5], { last: 9 })), 7)).toEqual({ messages: [], next: 10 })
  })

  it('leaves out what was aborted, of that producer, up to its mark, and the marks', () => {
    const transaction = true
    const one = { producer: '1', transaction }
    const two = { producer: '2', transaction }
    const log = [
      ...batch([0, 1], one),
      ...batch([2], two),
      ...batch([3]),
      ...batch([4], { ...one, control: 0 }),
      ...batch([5], one),
      ...batch([6], { ...two, control: 1 }),
      ...batch([7], { ...one, control: 1 }),
      ...batch([8], two),
      ...batch([9], { ...two, control: 0 }),
    ]
    const abortedTransactions = [
      { producerId: '2', firstOffset: '8' },
      { producerId: '1', firstOffset: '0' },
    ]
    const { messages, next } = visible(fetched(log, { abortedTransactions }), 0)
    expect(offsetsOf(messages)).toEqual([2, 3, 5])
    expect(next).toBe(10)
    // From the middle of an aborted transaction on.
    expect(offsetsOf(visible(fetched(log, { abortedTransactions }), 1).messages)).toEqual([2, 3, 5])
  })

  it('is also what has no batches, as before Kafka 0.11', () => {
    const old = batch([1, 2]).map(({ batchContext: _, ...message }) => message as FetchedMessage)
    expect(visible(fetched(old), 1)).toMatchObject({ messages: old, next: 3 })
  })
})

/** Answers fetches by a script, as brokers do that lead by turns. */
class ScriptedLink {
  leader = '1'
  refreshed = 0
  /** The requests, each with its partitions and offsets. */
  readonly asked: { node: string; wanted: [number, number, number][] }[] = []
  readonly answer: (node: string, partition: number, offset: number, maxBytes: number) => Fetched | string

  constructor(answer: ScriptedLink['answer']) {
    this.answer = answer
  }

  async leaderOf(): Promise<string> {
    return this.leader
  }

  async refresh(): Promise<void> {
    this.refreshed++
  }

  async offsetOf(_topic: string, _partition: number, which: 'first' | 'end'): Promise<number> {
    return which === 'first' ? 0 : 100
  }

  async ask(find: (cluster: Cluster) => Promise<Broker>, request: (broker: Broker) => Promise<unknown>) {
    const cluster = {
      findBroker: async ({ nodeId }: { nodeId: string }) => ({
        fetch: (r: Request) => this.#fetch(nodeId, r),
      }),
    }
    return request(await find(cluster as unknown as Cluster))
  }

  async #fetch(node: string, { topics }: Request): Promise<unknown> {
    const wanted = topics.flatMap(({ partitions }) => partitions)
    this.asked.push({
      node,
      wanted: wanted.map(({ partition, fetchOffset, maxBytes }) => [
        partition,
        Number(fetchOffset),
        maxBytes,
      ]),
    })
    const partitions = wanted.map(({ partition, fetchOffset, maxBytes }) => {
      const answer = this.answer(node, partition, Number(fetchOffset), maxBytes)
      // As kafkajs does, which tells of one partition's error only.
      if (typeof answer === 'string') throw Object.assign(new Error(answer), { type: answer })
      return { ...answer, partition }
    })
    return { responses: [{ topicName: 't', partitions }] }
  }
}

interface Request {
  readonly topics: readonly {
    readonly partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[]
  }[]
}

describe('reading', () => {
  const options: KafkaInputOptions<number> = {
    kafka: { brokers: ['none:1'] },
    topic: 't',
    decode: value => Number(Buffer.from(value).toString()),
    maxBytes: 100,
  }
  const passed: [number, number][] = []
  const read = (link: ScriptedLink, partition = 0, after?: number, signal = new AbortController().signal) => {
    const place = { name: `t-${partition}`, topic: 't', partition }
    const scripted = link as unknown as Link
    const fetcher = new Fetcher(scripted)
    passed.length = 0
    return new PartitionReading(scripted, fetcher, options, settingsOf(options), place, signal).records(
      after,
      (position, offset) => passed.push([position, offset]),
    )
  }
  const first = async (
    reading: AsyncGenerator<{ record: number }, void>,
    count: number,
  ): Promise<number[]> => {
    const taken: number[] = []
    for await (const { record } of reading) {
      taken.push(record)
      if (taken.length === count) break
    }
    return taken
  }

  it('goes on with the broker that leads by then', async () => {
    const link = new ScriptedLink((node, _partition, offset) => {
      if (offset < 4) return fetched(batch([offset, offset + 1]))
      if (node === '2') return fetched(batch([offset]))
      link.leader = '2'
      return 'NOT_LEADER_FOR_PARTITION'
    })
    expect(await first(read(link), 6)).toEqual([0, 1, 2, 3, 4, 5])
    expect(link.refreshed).toBeGreaterThan(0)
  })

  it('fetches more where an emptied batch hides one that does not fit, and skips nothing', async () => {
    const link = new ScriptedLink((_node, _partition, offset, maxBytes) =>
      fetched(offset > 9 || maxBytes >= 400 ? batch([Math.max(9, offset)]) : []),
    )
    expect(await first(read(link, 0, 4), 2)).toEqual([9, 10])
    expect(link.asked.slice(0, 4).map(({ wanted }) => wanted[0])).toEqual([
      [0, 5, 100],
      [0, 5, 200],
      [0, 5, 400],
      [0, 10, 100],
    ])
  })

  it('waits for transactions that are not decided, and does not ask for more', async () => {
    let asked = 0
    const link = new ScriptedLink((_node, _partition, offset) =>
      ++asked < 4 ? fetched([], { lastStableOffset: String(offset) }) : fetched(batch([offset])),
    )
    expect(await first(read(link, 0, 4), 1)).toEqual([5])
    expect(new Set(link.asked.map(({ wanted }) => wanted[0]![2]))).toEqual(new Set([100]))
  })

  it('tells where it goes on behind marks, which nobody reads', async () => {
    const marks = batch([6], { producer: '1', transaction: true, control: 1 })
    const link = new ScriptedLink((_node, _partition, offset) =>
      fetched(offset === 5 ? [...batch([5]), ...marks] : batch([offset])),
    )
    expect(await first(read(link, 0, 4), 2)).toEqual([5, 7])
    expect(passed).toEqual([[5, 7]])
  })

  it('of one partition goes on while another fails that the same broker leads', async () => {
    const link = new ScriptedLink((_node, partition, offset) =>
      partition === 1 ? 'UNKNOWN_TOPIC_OR_PARTITION' : fetched(batch([offset])),
    )
    const fetcher = new Fetcher(link as unknown as Link)
    const failing = fetcher.fetch('t', 1, 0, 100)
    const well = fetcher.fetch('t', 0, 7, 100)
    const again = fetcher.fetch('t', 0, 8, 100)
    await expect(failing).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(offsetsOf((await well).messages)).toEqual([7])
    // Two that read one partition do not get each other's.
    expect(offsetsOf((await again).messages)).toEqual([8])
    expect(link.asked[0]!.wanted).toHaveLength(2)
  })
})
