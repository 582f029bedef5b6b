import { firstValueFrom } from 'rxjs'
import { json, openStore } from 'rxkeeper'
import { expect, test } from 'vitest'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { jsonLines, newProject } from './project.ts'

const project = newProject()

const sameAs = { entries: 2000, checksum: expect.stringMatching(/^[\da-f]{64}$/) }

test('a store is moved, compared, and moved on; passwords are not told', async () => {
  const ensemble = `zookeeper://${servers}${freshRoot('from')}`
  const other = `zookeeper://alice:secret@${servers}${freshRoot('to')}?buckets=8`
  const told = other.replace('alice:secret@', '')
  const lines = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ key: `key ${i}`, value: i }))
  await project.run(['load', '--store', ensemble], { input: lines.join('\n') })
  await using user = openStore(ensemble, { value: json<number>() })
  expect(await firstValueFrom(user.get$('key 7'))).toBe(7)

  const moved = await project.run(['move', '--from', ensemble, '--to', other])
  expect(moved).toMatchObject({ code: 0, stderr: '' })
  expect(jsonLines(moved.stdout)).toEqual([
    { moved: other.replace('secret', '***'), copied: 2000, ...sameAs },
  ])
  await expect(firstValueFrom(user.put$('key 7', 8))).rejects.toMatchObject({ code: 'MOVED', movedTo: told })
  const refused = await project.run(['get', 'key 7', '--store', ensemble])
  expect(refused).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(`has been moved to ${told}`),
  })
  expect(refused.stderr).not.toMatch(/secret|alice/)

  const again = await project.run(['move', '--from', ensemble, '--to', other])
  expect({ code: again.code, lines: jsonLines(again.stdout) }).toEqual({
    code: 0,
    lines: [{ moved: other.replace('secret', '***') }],
  })
  const same = await project.run(['verify', ensemble, other])
  expect(same).toMatchObject({ code: 0, stderr: '' })
  expect(jsonLines(same.stdout)).toEqual([{ differences: 0, left: sameAs, right: sameAs }])

  await project.run(['put', 'key 7', '8', '--store', other])
  await project.run(['delete', 'key 9', '--store', other])
  const differ = await project.run(['verify', ensemble, other])
  expect(differ).toMatchObject({ code: 1, stderr: expect.stringContaining('2 of the keys differ') })
  expect(jsonLines(differ.stdout)).toEqual([
    { key: 'key 7', left: '7', right: '8' },
    { key: 'key 9', left: '9', right: null },
    { differences: 2, left: sameAs, right: { ...sameAs, entries: 1999 } },
  ])

  const onwards = await project.run(['move', '--from', other, '--to', 'lmdb:moved'])
  expect(jsonLines(onwards.stdout)).toEqual([expect.objectContaining({ entries: 1999 })])
  expect(await project.run(['get', 'key 7', '--store', 'lmdb:moved'])).toMatchObject({
    stdout: expect.stringContaining('"value":8'),
  })
})

test('what cannot be moved is left as it is', async () => {
  const [from, used] = [
    `zookeeper://${servers}${freshRoot('from')}`,
    `zookeeper://${servers}${freshRoot('used')}`,
  ]
  for (const store of [from, used]) await project.run(['put', 'a', '1', '--store', store])
  const { code, stderr } = await project.run(['move', '--from', from, '--to', used])
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('is not empty') })
  for (const store of [from, used]) {
    expect(await project.run(['put', 'a', '2', '--store', store])).toMatchObject({ code: 0 })
  }
  expect(await project.run(['move', '--from', from, '--to', 'memory:'])).toMatchObject({ code: 2 })
  expect(await project.run(['move', '--from', from, '--to', from])).toMatchObject({ code: 2 })
  expect(await project.run(['get', 'a', '--store', from])).toMatchObject({
    stdout: expect.stringContaining('"value":2'),
  })
})
