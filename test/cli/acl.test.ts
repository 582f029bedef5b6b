import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startZooKeeper } from 'rxkeeper/testing'
import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject } from './project.ts'

const project = newProject()

test('acl: shows the lists of a store, and changes them', async () => {
  const root = freshRoot('cli-acl')
  const mine = {
    RXKEEPER_STORE: `zookeeper://alice@${servers}${root}`,
    RXKEEPER_PASSWORD: 'secret',
  }
  const others = { RXKEEPER_STORE: `zookeeper://${servers}${root}` }
  const run = (env: Record<string, string>, ...args: string[]) => project.run(args, { env })
  await run(others, 'put', 'a', '1')
  await run(others, 'put', 'b', '2')
  expect(await run(others, 'acl')).toEqual({
    code: 0,
    stdout: '{"acl":["world:anyone:cdrwa"],"nodes":3}\n',
    stderr: '',
  })
  expect(await run(mine, 'acl', 'auth::cdrwa', 'world:anyone:r')).toMatchObject({
    code: 0,
    stdout: '{"nodes":3,"changed":3}\n',
  })
  expect(await run(others, 'get', 'a')).toMatchObject({ code: 0 })
  expect(await run(others, 'put', 'a', '3')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not permitted'),
  })
  expect(await run(mine, 'acl', 'auth::cdrwa')).toMatchObject({ code: 0 })
  expect(await run(others, 'get', 'a')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not permitted'),
  })
  const [shown] = jsonLines((await run(mine, 'acl')).stdout) as { acl: string[]; nodes: number }[]
  expect(shown).toEqual({ acl: [expect.stringMatching(/^digest:alice:.{28}:cdrwa$/)], nodes: 3 })

  expect(await run(others, 'acl', 'everybody')).toMatchObject({
    stderr: expect.stringContaining("'world:anyone:r'"),
  })
  expect(await run({ RXKEEPER_STORE: 'memory:' }, 'acl')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no access control lists'),
  })
})

test('over TLS: a store by its URL, with files', async () => {
  await using server = await startZooKeeper({ tls: true })
  const folder = mkdtempSync(join(tmpdir(), 'rxkeeper-cli-tls-'))
  try {
    const { ca, cert, key } = server.tls!
    for (const [name, content] of Object.entries({ ca, cert, key }))
      writeFileSync(join(folder, name), content)
    const secured = `zookeeper+tls://${server.servers}/cli-tls?ca=${folder}/ca`
    const env = { RXKEEPER_STORE: `${secured}&cert=${folder}/cert&key=${folder}/key` }
    const run = (...args: string[]) => project.run(args, { env })
    expect(await run('put', 'a', '1')).toMatchObject({ code: 0, stderr: '' })
    expect(await run('acl')).toMatchObject({ stdout: '{"acl":["x509:CN=client:cdrwa"],"nodes":2}\n' })
    const anonymous = await project.run(['get', 'a', '--timeout', '3000'], {
      env: { RXKEEPER_STORE: secured },
    })
    expect(anonymous).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("TLS: the server refused the client's certificate"),
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
