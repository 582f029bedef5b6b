import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import { KVError, text } from 'rxkeeper'
import { type LmdbStoreOptions, lmdbStore } from 'rxkeeper/lmdb'
import { expect, test } from 'vitest'
import { Program } from './program.ts'
import { temporaryFolder } from './temporary.ts'

function errorOf(work: () => unknown): KVError {
  try {
    work()
  } catch (error) {
    if (error instanceof KVError) return error
    throw error
  }
  throw new Error('did not throw')
}

test('options that make no sense are refused, and leave nothing open', async () => {
  const path = temporaryFolder()
  const open = (options: Partial<LmdbStoreOptions<string>>) =>
    errorOf(() => lmdbStore({ path, value: text, ...options }))
  expect(open({ path: '' })).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/path/),
  })
  expect(open({ path: 7 as never })).toMatchObject({ code: 'INVALID_ARGUMENT' })
  for (const root of ['a\0b', '\ud800', 'x'.repeat(513), 7 as never]) {
    expect(open({ root })).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/root/) })
  }
  expect(open({ cache: -1 })).toMatchObject({ code: 'INVALID_ARGUMENT' })
  const file = join(path, 'file')
  writeFileSync(file, '')
  expect(open({ path: file })).toMatchObject({ code: 'ENGINE', message: expect.stringContaining(file) })
  expect(open({ path: join(file, 'deeper') })).toMatchObject({ code: 'ENGINE' })
})

test('without the package lmdb the error says what to install', async () => {
  const program = new Program('without-lmdb.ts', [temporaryFolder()])
  await program.ended
  expect(program.errors).toBe('')
  expect(program.lines).toEqual([
    'UNSUPPORTED the LMDB engine needs the npm package "lmdb": npm install lmdb',
  ])
})

test('a disk that is full fails the write that does not fit, and only that', async () => {
  const limited = ['sh', '-c', 'ulimit -f 1000; exec "$@"', 'sh']
  const program = new Program('full-disk.ts', [temporaryFolder()], limited)
  await program.ended
  expect(program.lines).toEqual(['small 0', 'large ENGINE', 'small 1', 'read 1', 'closed'])
})

test('a write that waits for a process that hangs fails with TIMEOUT and is not carried out later', async () => {
  const path = temporaryFolder()
  const store = lmdbStore({ path, value: text })
  const holder = new Program('holder.ts', [path])
  await holder.line(line => line === 'locked')
  const put = firstValueFrom(store.put$('key', 'late', { timeout: 300 }))
  await expect(put).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(await firstValueFrom(store.get$('key'))).toBe(undefined)
  const next = firstValueFrom(store.put$('other', 'in time'))
  holder.process.kill('SIGKILL')
  await next
  expect(await firstValueFrom(store.get$('key'))).toBe(undefined)
  await store.close()
})
