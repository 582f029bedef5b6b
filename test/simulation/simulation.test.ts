import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { run } from './run.ts'
import { generate } from './workload/generate.ts'
import { carryOut } from './workload/running.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('a minute of random plans breaks no promise', async () => {
  const { code, output } = await run(ROOT, ['--minutes', '1'])
  console.log(output.split('\n').at(-2))
  expect(code, output).toBe(0)
})

test('a seed does the same again', async () => {
  const tell = async (): Promise<unknown> => {
    const { operations, streams, world, violation } = await carryOut(generate('7'))
    return [
      violation,
      world.ensemble.history.map(({ at, transaction }) => [at, transaction.zxid]),
      operations.map(({ id, outcome }) => [id, outcome?.at, outcome?.error?.message]),
      streams.map(({ id, emitted }) => [id, emitted]),
    ]
  }
  expect(await tell()).toEqual(await tell())
})
