import { startEnsemble, type ZooKeeperServer } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { called, connectPlain } from '../faults/support/plain.ts'

const servers = (members: readonly ZooKeeperServer[]): string[] =>
  members.map(member => member.servers).sort()

test('an ensemble has a leader and followers, and another leader when it loses the first', async () => {
  await using ensemble = await startEnsemble(3)
  expect(ensemble.servers.split(',').sort()).toEqual(servers(ensemble.members))
  const leader = await ensemble.leader()
  const followers = await ensemble.followers()
  expect(servers([leader, ...followers])).toEqual(servers(ensemble.members))

  const client = await connectPlain(ensemble.servers)
  await called(done => client.create('/kept', Buffer.from('value'), 0, done))

  client.close()

  await leader.kill()
  const next = await ensemble.leader()
  expect(servers(followers)).toContain(next.servers)

  await next.kill()
  const last = followers.find(member => member !== next)!
  // Without a majority nobody serves.
  while ((await last.mode()) !== undefined) await new Promise(resolve => setTimeout(resolve, 20))
  await expect(ensemble.leader(200)).rejects.toThrow('no leader after 200 ms')

  await Promise.all([leader.restart(), next.restart()])
  expect(await ensemble.followers()).toHaveLength(2)
  const again = await connectPlain(ensemble.servers)
  const data = await called<Buffer>(done => again.getData('/kept', done))
  expect(data.toString()).toBe('value')

  const expired = new Promise<void>(resolve => again.once('expired', resolve))
  expect(await ensemble.expireSession(again.getSessionId().readBigUInt64BE())).toBe(true)
  await expired
  again.close()
})
