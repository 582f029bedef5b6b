import { appendFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import type { Undecodable } from 'rxkeeper'
import { filesInput } from 'rxkeeper/inputs/files'
import { expect, it } from 'vitest'
import { sharedFolder } from './folder.ts'
import { readAll, readWhole } from './reading.ts'

const folder = sharedFolder()

const write = (name: string, content: string | Buffer): void =>
  writeFileSync(join(folder.path, name), content)
const partitionsOf = (files: string | string[]): Promise<readonly string[]> =>
  firstValueFrom(filesInput({ files, cwd: folder.path, format: 'csv' }).partitions$)

it('finds files by patterns and by names that look like patterns', async () => {
  mkdirSync(join(folder.path, 'deep/er'), { recursive: true })
  for (const name of ['x1.csv', 'x2.csv', 'deep/x3.csv', 'deep/er/x4.csv', 'x[1].csv', 'x#0-5.csv'])
    write(name, '')
  expect(await partitionsOf('x?.csv')).toEqual(['x1.csv', 'x2.csv'])
  expect(await partitionsOf(['**/x?.csv', '!deep/er/**'])).toEqual(['deep/x3.csv', 'x1.csv', 'x2.csv'])
  expect(await partitionsOf('x[1].csv')).toEqual(['x[1].csv'])
  expect(await partitionsOf(['x1.csv', './x1.csv', join(folder.path, 'x1.csv'), 'x1*'])).toEqual(['x1.csv'])
  expect(await partitionsOf(join(folder.path, 'deep/*.csv'))).toEqual(['deep/x3.csv'])
  expect(await partitionsOf('x#*')).toEqual(['x#0-5.csv'])
  const inDeep = filesInput({ files: '../x1.csv', cwd: join(folder.path, 'deep') })
  expect(await firstValueFrom(inDeep.partitions$)).toEqual(['../x1.csv'])
  expect(await readAll(inDeep, '../x1.csv')).toEqual([])
})

it('says that there is no such file or partition, or no known format', async () => {
  await expect(partitionsOf('none*')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  write('a.txt', '1\n')
  await expect(
    firstValueFrom(filesInput({ files: 'a.txt', cwd: folder.path }).partitions$),
  ).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('a.txt'),
  })
  const input = filesInput({ files: '*', cwd: folder.path, format: 'ndjson', partitionBytes: 10 })
  for (const name of ['a.txt', '', 'a.txt#0-9', 'a.txt#5-15', '#0-10', 'a.txt#-10-0', 'gone#0-10']) {
    await expect(readAll(input, name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(input.lag?.(name, undefined)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
})

it('limits the length of a record, in memory that the limit bounds', async () => {
  const long = Buffer.alloc(3_000_000, 'x')
  write('long.ndjson', Buffer.concat([Buffer.from('1\n'), long, Buffer.from('\n2\n'), long]))
  const letters: Undecodable<number>[] = []
  const input = filesInput({
    files: 'long.ndjson',
    cwd: folder.path,
    maxRecordBytes: 1000,
    undecodable: l => letters.push(l),
  })
  expect(await readWhole(input)).toEqual([1, 2])
  expect(letters.map(({ position, content, error }) => [position, content.length, error.code])).toEqual([
    [3_000_003, 1000, 'VALUE_TOO_LARGE'],
    [6_000_005, 1000, 'VALUE_TOO_LARGE'],
  ])
  const strict = filesInput({ files: 'long.ndjson', cwd: folder.path, maxRecordBytes: 1000 })
  await expect(readWhole(strict)).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE', position: 3_000_003 })
  for (const [limit, code] of [
    [3_000_000, 'CODEC'],
    [2_999_999, 'VALUE_TOO_LARGE'],
  ] as const) {
    const exact = filesInput({ files: 'long.ndjson', cwd: folder.path, maxRecordBytes: limit })
    await expect(readWhole(exact)).rejects.toMatchObject({ code, position: 3_000_003 })
  }
})

it('what is no UTF-8, or refused by `decode`, is undecodable', async () => {
  write('bytes.ndjson', Buffer.from([0x22, 0xff, 0x22, 0x0a, 0x31, 0x0a, 0x32, 0x0a]))
  const letters: string[] = []
  const input = filesInput({
    files: 'bytes.ndjson',
    cwd: folder.path,
    decode: value => {
      if (value === 1) throw new RangeError('unlucky')
      return value
    },
    undecodable: ({ error }) => letters.push(error.message),
  })
  expect(await readWhole(input)).toEqual([2])
  expect(letters).toEqual([expect.stringMatching(/not UTF-8/), expect.stringMatching(/unlucky/)])
})

it('a file that is another one by now has lost the position', async () => {
  write('lost.ndjson', '1\n22\n333\n')
  const input = filesInput({ files: 'lost.ndjson', cwd: folder.path })
  const partition = 'lost.ndjson#0-67108864'
  const [, second, third] = await readAll(input, partition)
  truncateSync(join(folder.path, 'lost.ndjson'), 4)
  await expect(readAll(input, partition, third?.position)).rejects.toMatchObject({
    code: 'POSITION_LOST',
    partition,
  })
  write('lost.ndjson', '1234567890\n')
  await expect(readAll(input, partition, second?.position)).rejects.toMatchObject({ code: 'POSITION_LOST' })
})

it('goes on behind a last line that got its newline later', async () => {
  for (const end of ['\n', '\r\n']) {
    write('torn.ndjson', `1${end}2`)
    const input = filesInput({ files: 'torn.ndjson', cwd: folder.path })
    const partition = 'torn.ndjson#0-67108864'
    const last = (await readAll(input, partition)).at(-1)
    expect(last?.record).toBe(2)
    expect(await readAll(input, partition, last?.position)).toEqual([])
    appendFileSync(join(folder.path, 'torn.ndjson'), `${end}3${end}`)
    expect((await readAll(input, partition, last?.position)).map(({ record }) => record)).toEqual([3])
  }
})

it('a followed file is read by whole lines, and must not shrink', async () => {
  write('live.ndjson', '1\n2')
  const input = filesInput({ files: 'live.ndjson', cwd: folder.path, follow: true, interval: 5 })
  const reading = input.read('live.ndjson#0-67108864', undefined)[Symbol.asyncIterator]()
  expect((await reading.next()).value.record).toBe(1)
  const second = reading.next()
  appendFileSync(join(folder.path, 'live.ndjson'), '2')
  appendFileSync(join(folder.path, 'live.ndjson'), '2\n')
  expect((await second).value.record).toBe(222)
  const third = reading.next()
  truncateSync(join(folder.path, 'live.ndjson'), 1)
  await expect(third).rejects.toMatchObject({ code: 'POSITION_LOST' })
  await input.close()
})

it('a part of a followed file ends where the next begins', async () => {
  write('parts.ndjson', '1\n2\n')
  const input = filesInput({
    files: 'parts.ndjson',
    cwd: folder.path,
    follow: true,
    interval: 5,
    partitionBytes: 4,
  })
  const reading = input.read('parts.ndjson#0-4', undefined)[Symbol.asyncIterator]()
  await reading.next()
  await reading.next()
  const end = reading.next()
  appendFileSync(join(folder.path, 'parts.ndjson'), '3\n')
  expect((await end).done).toBe(true)
  rmSync(join(folder.path, 'parts.ndjson'))
})
