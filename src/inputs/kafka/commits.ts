import type { Cluster } from 'kafkajs'
import type { Link } from './link.ts'

/** A committed offset of a partition: that of the first unprocessed record. */
export interface CommitOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

interface CommittedOffsets {
  readonly responses: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
  }[]
}

const topicsOf = (offsets: readonly CommitOffset[]) =>
  offsets.map(({ topic, partition, offset }) => ({
    topic,
    partitions: [{ partition, offset: String(offset) }],
  }))

/**
 * Writes the committed offsets of a group without a generation or a member, as a consumer with manually assigned
 * partitions does. Kafka accepts that while the group has no members.
 */
export async function commitOffsets(
  link: Link,
  groupId: string,
  offsets: readonly CommitOffset[],
): Promise<void> {
  const coordinator = (cluster: Cluster) => cluster.findGroupCoordinator({ groupId })
  // Another process may be further.
  const { responses } = await link.ask(
    coordinator,
    broker =>
      broker.offsetFetch({ groupId, topics: topicsOf(offsets) }) as unknown as Promise<CommittedOffsets>,
  )
  const further = offsets.filter(({ topic, partition, offset }) => {
    const committed = responses
      .filter(each => each.topic === topic)
      .flatMap(({ partitions }) => partitions)
      .find(each => each.partition === partition)
    return committed === undefined || Number(committed.offset) < offset
  })
  if (further.length === 0) return
  await link.ask(coordinator, broker =>
    broker.offsetCommit({ groupId, groupGenerationId: -1, memberId: '', topics: topicsOf(further) }),
  )
}
