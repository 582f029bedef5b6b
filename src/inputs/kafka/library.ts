import { createRequire } from 'node:module'
import type { Cluster, Kafka, KafkaConfig } from 'kafkajs'
import { KVError } from '../../base/errors.ts'

function load(): new (config: KafkaConfig) => Kafka {
  try {
    return createRequire(import.meta.url)('kafkajs').Kafka
  } catch (cause) {
    throw new KVError('UNSUPPORTED', 'Kafka needs the npm package "kafkajs": npm install kafkajs', { cause })
  }
}

/**
 * The connections of kafkajs to a cluster.
 *
 * A kafkajs consumer joins a group of Kafka, which decides who reads what and from where. Our own groups decide that,
 * so we need the layer below: the connections, the metadata and the encoding of requests. kafkajs hands these, with
 * published types, to the partition assigner of a consumer. That consumer never runs.
 */
export function clusterOf(config: KafkaConfig): Cluster {
  const kafka = new (load())({ logLevel: 0, ...config, retry: { retries: 0 } })
  let captured: Cluster | undefined
  kafka.consumer({
    groupId: 'never joined',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        captured = cluster
        return {
          name: 'none',
          version: 0,
          assign: async () => [],
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        }
      },
    ],
  })
  if (captured === undefined) {
    throw new KVError('UNSUPPORTED', 'this version of kafkajs gives assigners no cluster; 2.2 does')
  }
  return captured
}
