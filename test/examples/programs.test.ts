import { expect, test } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'
import { freshRoot, servers } from '../setup/fresh-root.ts'
import { run } from './program.ts'

const stores = {
  'no argument': () => [],
  'memory:': () => ['memory:'],
  'lmdb:': () => [`lmdb:${temporaryFolder()}`],
  'zookeeper:': () => [`zookeeper://${servers}${freshRoot('example')}`],
}

const programs: Record<string, { says: readonly string[]; on: readonly (keyof typeof stores)[] }> = {
  uppercase: {
    says: ['alice: ALICE WAS HERE', 'bob: BOB WAS HERE', 'carol: CAROL WAS HERE'],
    on: ['no argument', 'memory:', 'lmdb:', 'zookeeper:'],
  },
  'hand-composed': {
    says: ['alice /', 'bob /', 'alice / /shoes', 'alice / /shoes /cart', '4 clicks, 0 failed, up 100 %'],
    on: ['no argument', 'memory:', 'lmdb:', 'zookeeper:'],
  },
  watch: {
    says: ['the greeting is hello', 'the greeting is good morning', 'the greeting is goodbye'],
    on: ['no argument', 'lmdb:', 'zookeeper:'],
  },
}

for (const [program, { says, on }] of Object.entries(programs)) {
  test.each(on)(`${program}, %s`, async store => {
    const { output, errors, code } = await run(`${program}.ts`, stores[store]())
    expect(errors).toBe('')
    // A server takes a moment to connect to.
    const steady = output.replace(/up \d+ %/, 'up 100 %')
    expect(steady.trimEnd().split('\n')).toEqual(says)
    expect(code).toBe(0)
  })
}
