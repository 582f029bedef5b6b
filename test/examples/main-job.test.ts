import { readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filter, firstValueFrom } from 'rxjs'
import { zookeeperStore } from 'rxkeeper'
import { lmdbStore } from 'rxkeeper/lmdb'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { codec, counted, type Flight, flights, PARQUET, stateOf, tablesOf } from './flights.ts'
import { npmStart, run, start } from './program.ts'

const MAIN = 'flights/main.ts'

/** Many flights, so that there is time to do something to whoever counts them. */
const many: readonly Flight[] = Array.from({ length: 10 }, () => flights).flat()

function ndjson(content: readonly Flight[], folder: string): string {
  const file = join(realpathSync(folder), 'flights.ndjson')
  writeFileSync(file, content.map(flight => `${JSON.stringify(flight)}\n`).join(''))
  return file
}

test('npm start counts the flights, shows the tables and the figures, and leaves nothing behind', async () => {
  const folder = temporaryFolder()
  const { output, errors, code } = await npmStart([], { TMPDIR: folder })
  expect(errors).toBe('')
  expect(code).toBe(0)
  const [name, route] = [...counted(flights)].reduce((a, b) => (b[1].flights > a[1].flights ? b : a))
  expect(output).toMatch(
    new RegExp(`─\\n  ${name.replace('-', ' → ')} +${route.flights} +[\\d.]+ +${route.worstDelay}\\n`),
  )
  expect(output).toMatch(/throughput +[\d,]+ flights\/s, [\d.]+ MB\/s/)
  expect(output).toMatch(/latency +[\d,.]+ ms on average\n +p50 .*p99 .*max/)
  expect(output).toMatch(/availability +100\.0 %/)
  expect(output).toMatch(/Counted 20,000 flights of .*flights-20k\.json\.\n$/)
  expect(readdirSync(folder).filter(name => name.startsWith('rxkeeper'))).toEqual([])
})

test('run twice on one state it finds nothing new; --from-start counts again', async () => {
  const path = temporaryFolder()
  const args = ['--store', `lmdb:${path}`]
  const first = await run(MAIN, args)
  const second = await run(MAIN, args)
  expect(second.code).toBe(0)
  expect(second.output).toMatch(/Nothing new: 20,000 flights of .* had been counted before\. --from-start/)
  expect(second.output.startsWith(tablesOf(first.output))).toBe(true)
  const store = lmdbStore({ path, value: codec })
  await firstValueFrom(store.put$('somebody else', 1))
  await store.close()
  const third = await run(MAIN, [...args, '--from-start'])
  expect(third.output).toMatch(/Counted 20,000 flights/)
  expect(tablesOf(third.output)).toBe(tablesOf(first.output))
  await using again = lmdbStore({ path, value: codec })
  expect(await firstValueFrom(again.get$('somebody else'))).toBe(1)
})

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test(`after ${signal} it goes on where its state stands`, async () => {
    const folder = temporaryFolder()
    const input = ndjson(many, folder)
    const path = join(folder, 'state')
    const args = ['--store', `lmdb:${path}`, '--input', input]
    await using store = lmdbStore({ path, value: codec })
    const first = start(MAIN, args)
    await firstValueFrom(store.watch$(`input:${input}`).pipe(filter(position => position !== undefined)))
    first.process.kill(signal)
    const { code, errors } = await first.ended
    expect(errors).toBe('')
    expect(code).toBe(signal === 'SIGINT' ? 130 : 'SIGKILL')

    const { inputs, routes } = await stateOf(store)
    const done = (inputs.get(input) as { counted: number }).counted
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(many.length)
    expect(routes).toEqual(counted(many.slice(0, done)))
    const second = await run(MAIN, args)
    expect(second.output).toContain(`after the ${done.toLocaleString('en-US')} that had been counted before`)
    expect((await stateOf(store)).routes).toEqual(counted(many))
  })
}

test('of two runs that count the same input at once one gives up, and no flight is counted twice', async () => {
  const folder = temporaryFolder()
  const input = ndjson(many, folder)
  const path = join(folder, 'state')
  const args = ['--store', `lmdb:${path}`, '--input', input]
  const runs = await Promise.all([run(MAIN, args), run(MAIN, args)])
  for (const { code, errors } of runs) {
    expect(errors).toBe(code === 0 ? '' : `flights: another run is counting ${input}, too\n`)
  }
  await run(MAIN, args)
  await using store = lmdbStore({ path, value: codec })
  expect((await stateOf(store)).routes).toEqual(counted(many))
})

test('what is appended to a file is counted by the next run', async () => {
  const folder = temporaryFolder()
  const args = ['--store', `lmdb:${join(folder, 'state')}`, '--input', ndjson(flights.slice(0, 100), folder)]
  await run(MAIN, args)
  ndjson(flights.slice(0, 150), folder)
  expect((await run(MAIN, args)).output).toMatch(/Counted 50 flights of .*, after the 100 /)
})

test('on ZooKeeper it comes to the same', async () => {
  const root = freshRoot('flights')
  const url = `zookeeper://${servers}${root}`
  const { output, errors, code } = await run(MAIN, ['--store', url])
  expect(errors).toBe('')
  expect(code).toBe(0)
  expect(tablesOf(output)).toBe(tablesOf((await run(MAIN, ['--store', 'memory:'])).output))
  await using store = zookeeperStore({ servers, root, value: codec })
  const { routes, inputs } = await stateOf(store)
  expect(routes).toEqual(counted(flights))
  expect([...inputs.values()]).toEqual([{ counted: flights.length }])
  expect((await run(MAIN, ['--store', url])).output).toMatch(/Nothing new/)
})

test('the rest of 3 million flights is read from Parquet', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'state')
  const store = lmdbStore({ path, value: codec })
  await firstValueFrom(store.put$(`input:${realpathSync(PARQUET)}`, { counted: 2_990_000 }))
  await store.close()
  const { output, errors } = await run(MAIN, ['--store', `lmdb:${path}`, '--input', PARQUET])
  expect(errors).toBe('')
  expect(output).toMatch(/Counted 10,000 flights of .*, after the 2,990,000 /)
  await using again = lmdbStore({ path, value: codec })
  const { routes } = await stateOf(again)
  expect([...routes.values()].reduce((sum, route) => sum + route.flights, 0)).toBe(10_000)
})
