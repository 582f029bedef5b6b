import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { it } from 'vitest'

const program = join(import.meta.dirname, 'without-client.ts')

it.each([
  [
    ['@nats-io/', 'nats', 'natsInput'],
    'NATS needs the npm package "@nats-io/jetstream": npm install @nats-io/jetstream',
  ],
  [['kafkajs', 'kafka', 'kafkaInput'], 'Kafka needs the npm package "kafkajs": npm install kafkajs'],
])('without the packages %s the error says what to install', async (args, message) => {
  const node = ['--import', 'tsx', '--conditions=rxkeeper-source', program, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, node)
  assert.equal(stdout, `UNSUPPORTED ${message}\n`)
})
