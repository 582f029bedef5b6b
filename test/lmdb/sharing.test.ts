import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { firstValueFrom } from 'rxjs'
import { type Change, type KVStore, text } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { expect, test, vi } from 'vitest'
import { Program } from './program.ts'
import { temporaryFolder } from './temporary.ts'

/** Has the other process do something, and waits until it is done. */
async function tell(other: Program, line: string): Promise<void> {
  other.process.stdin!.write(`${line}\n`)
  await other.line(said => said === `done ${line}`)
}

async function started(path: string): Promise<Program> {
  const other = new Program('other.ts', [path])
  await other.line(line => line === 'open')
  return other
}

const get = (store: KVStore<string>, key: string) => firstValueFrom(store.get$(key))

test('two stores of one process on one folder share data and changes, and close each for itself', async () => {
  const path = temporaryFolder()
  const one = lmdbStore({ path, value: text })
  await using other = lmdbStore({ path: `${path}/../${path.split('/').at(-1)}`, value: text })
  const seen: (string | undefined)[] = []
  other.watch$('key').subscribe(value => seen.push(value))
  await vi.waitFor(() => expect(seen).toEqual([undefined]))
  await firstValueFrom(one.put$('key', 'a'))
  expect(await get(other, 'key')).toBe('a')
  await vi.waitFor(() => expect(seen).toEqual([undefined, 'a']))

  await one.close()
  await expect(get(one, 'key')).rejects.toMatchObject({ code: 'CLOSED' })
  await firstValueFrom(other.put$('key', 'b'))
  await vi.waitFor(() => expect(seen).toEqual([undefined, 'a', 'b']))
})

test('what another process writes is read at once, by a cached store too, and is watched', async () => {
  const path = temporaryFolder()
  await using store = lmdbStore({ path, value: text })
  await using cached = lmdbStore({ path, value: text, cache: 10 })
  const other = await started(path)
  const seen: (string | undefined)[] = []
  const changes: Change<string>[] = []
  store.watch$('key').subscribe(value => seen.push(value))
  store.changes$().subscribe(change => changes.push(change))
  await vi.waitFor(() => expect(changes).toHaveLength(1))
  expect(await get(cached, 'key')).toBe(undefined)

  await tell(other, 'put key a')
  expect(await get(store, 'key')).toBe('a')
  await vi.waitFor(async () => expect(await get(cached, 'key')).toBe('a'))
  await vi.waitFor(() => expect(seen).toEqual([undefined, 'a']))
  await tell(other, 'put more b')
  await tell(other, 'delete key')
  await vi.waitFor(() => expect(seen).toEqual([undefined, 'a', undefined]))
  await vi.waitFor(() => expect(changes).toContainEqual({ type: 'delete', key: 'key' }))
  await vi.waitFor(() => expect(changes).toContainEqual({ type: 'put', key: 'more', value: 'b', version: 0 }))
  other.process.stdin!.end()
  await other.ended
})

test('what another process has written is read in the same turn of the event loop', async () => {
  const path = temporaryFolder()
  await using store = lmdbStore({ path, value: text })
  const counter = fileURLToPath(new URL('counter.ts', import.meta.url))
  const program = ['--import', 'tsx', '--conditions=rxkeeper-source', counter, path, '3']
  expect(await get(store, 'count')).toBe(undefined)
  execFileSync(process.execPath, program)
  expect(await get(store, 'count')).toBe('3')
})

test('two processes that update one key lose no update', async () => {
  const path = temporaryFolder()
  const counters = Array.from({ length: 2 }, () => new Program('counter.ts', [path, '200']))
  for (const counter of counters) {
    await counter.ended
    expect(counter.errors).toBe('')
  }
  await using store = lmdbStore({ path, value: text })
  expect(await get(store, 'count')).toBe('400')
})

test('a database that another process lets grow is read through to its end', async () => {
  const path = temporaryFolder()
  await using store = lmdbStore({ path, value: text })
  await firstValueFrom(store.put$('small', 'x'))
  const other = await started(path)
  for (let i = 0; i < 20; i++) await tell(other, `put big-${i} ${'x'.repeat(100_000)}`)
  for (let i = 0; i < 20; i++) expect((await get(store, `big-${i}`))?.length).toBe(100_000)
  await firstValueFrom(store.put$('big-20', 'y'.repeat(100_000)))
  await tell(other, 'put small z')
  expect(await get(store, 'small')).toBe('z')
})

test('a store that is opened while another on the folder is closing works', async () => {
  const path = temporaryFolder()
  for (let i = 0; i < 20; i++) {
    const store = lmdbStore({ path, value: text })
    const written = firstValueFrom(store.put$('key', String(i)))
    const closing = store.close()
    await written
    const next = lmdbStore({ path, value: text })
    expect(await get(next, 'key')).toBe(String(i))
    await Promise.all([closing, next.close()])
  }
})

test('a program that has closed its stores ends by itself', async () => {
  const other = await started(temporaryFolder())
  other.process.stdin!.end()
  await once(other.process, 'exit')
  expect(other.process.exitCode).toBe(0)
})
