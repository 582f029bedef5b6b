import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { firstValueFrom } from 'rxjs'
import { json } from 'rxkeeper'
import { kafkaInput } from 'rxkeeper/inputs/kafka'
import { natsInput } from 'rxkeeper/inputs/nats'
import { redisInput } from 'rxkeeper/inputs/redis'
import { lmdbStore } from 'rxkeeper/lmdb'
import 'rxkeeper/otel'
import { arbitraries } from 'rxkeeper/testing'

const path = mkdtempSync('state-')
const store = lmdbStore({ path, value: json() })
await fc.assert(
  fc.asyncProperty(arbitraries(fc).key(), arbitraries(fc).value(), async (key, value) => {
    await firstValueFrom(store.put$(key, value))
    assert.deepEqual(await firstValueFrom(store.get$(key)), value)
  }),
)
await store.close()
rmSync(path, { recursive: true })

const connect = () => Promise.reject(new Error('no server'))
const flights = natsInput({ connect, stream: 'FLIGHTS', decode: json().decode })
assert.deepEqual(await firstValueFrom(flights.partitions$), ['FLIGHTS'])
await flights.close()
await kafkaInput({ kafka: { brokers: ['localhost:9092'] }, topic: 'routes', decode: () => 0 }).close()

const visits = redisInput({ streams: ['visits'] })
assert.deepEqual(await firstValueFrom(visits.partitions$), ['visits'])
await visits.close()
