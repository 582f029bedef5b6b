import { BehaviorSubject } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { TestMember } from '../groups/members.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { openEngine } from '../zookeeper/opening.ts'
import { jsonLines, newProject, outcomeOf } from './project.ts'

const project = newProject()

/** A group of one, `g`, that owns two partitions and has committed twice in one of them. */
async function groupOfOne() {
  const root = freshRoot('cli-group')
  const engine = openEngine(servers, { root })
  const member = new TestMember(engine, 'me\x1b[2J', new BehaviorSubject(['a', 'b']))
  await vi.waitFor(() => expect(member.names).toEqual(['a', 'b']), 20_000)
  await member.advance('a')
  await member.advance('a')
  const env = { RXKEEPER_STORE: `zookeeper://${servers}${root}` }
  return { member, env, [Symbol.asyncDispose]: () => engine.close() }
}

test('group: the groups, and who owns what of one', async () => {
  await using place = await groupOfOne()
  const run = (...args: string[]) => project.run(args, { env: place.env })
  expect(await run('group')).toEqual({ code: 0, stdout: '{"group":"g"}\n', stderr: '' })
  const shown = await run('group', 'g', '--interval', '100')
  expect(shown).toMatchObject({ code: 0, stderr: '' })
  const [group] = jsonLines(shown.stdout) as { members: { id: string }[] }[]
  const owner = group!.members[0]!.id
  expect(group).toMatchObject({
    group: 'g',
    members: [{ name: 'me\x1b[2J', pid: process.pid, partitions: ['a', 'b'] }],
    partitions: [
      { partition: 'a', owner, position: 2, records: 2, rate: 0 },
      { partition: 'b', owner, records: 0, rate: 0 },
    ],
  })
  expect(shown.stdout).not.toContain('\x1b')
  expect(await run('group', 'h', '--interval', '100')).toEqual({
    code: 3,
    stdout: '',
    stderr: 'rxkeeper: no such group: h\n',
  })
})

test('group on a terminal: tables, of which nothing commands it', async () => {
  await using place = await groupOfOne()
  const { code, stdout } = await project.onTerminal(['group', 'g', '--interval', '100'], {
    ...place.env,
    NO_COLOR: '1',
  })
  expect(code).toBe(0)
  const lines = stdout.split(/\r?\n/)
  expect(lines[0]).toBe('g  1 member, 2 partitions, 0 records/s')
  expect(lines[3]).toMatch(/^me\\u001b\[2J {2}\S+ +\d+ +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d {2}a b$/)
  expect(lines.slice(5, 8)).toEqual([
    'partition  owner        position  records  rate  lag',
    'a          me\\u001b[2J  2         2        0/s   -',
    'b          me\\u001b[2J  -         0        0/s   -',
  ])
})

test('group --watch: again and again, until stopped', async () => {
  await using place = await groupOfOne()
  const child = project.start(['group', 'g', '--watch', '--interval', '100'], place.env)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  await vi.waitFor(() => expect(output).toContain('"position":2'), 20_000)
  await place.member.advance('a')
  await vi.waitFor(() => expect(output).toContain('"position":3'), 20_000)
  place.member.stop()
  await vi.waitFor(() => expect(output).toContain('"members":[]'), 20_000)
  child.kill('SIGTERM')
  expect(await outcomeOf(child)).toMatchObject({ code: 143, stderr: '' })
})

test('group on LMDB: there is none', async () => {
  const { code, stderr } = await project.run(['group'], { env: { RXKEEPER_STORE: 'lmdb:groups-state' } })
  expect([code, stderr]).toEqual([
    1,
    'rxkeeper: groups need ephemeral nodes, which the lmdb engine has not\n',
  ])
})
