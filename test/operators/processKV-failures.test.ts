import { defer, from, lastValueFrom, of, throwError, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import {
  type Codec,
  json,
  KVError,
  Memory,
  memoryStore,
  type ProcessOptions,
  processKV,
  text,
} from '../../src/index.ts'
import { failureOf } from './cases.ts'
import { refusing } from './engines.ts'
import { increment, logged, numbers, stateOf, word } from './process.ts'

/** Cannot encode what is above 1000. */
const modest: Codec<number> = {
  encode: value => {
    if (value > 1000) throw new Error('too much')
    return json<number>().encode(value)
  },
  decode: json<number>().decode,
}

interface Step {
  readonly key: string
  readonly add: number
}
const steps = (...all: string[]): Step[] => all.map(step => ({ key: step[0]!, add: Number(step.slice(1)) }))
const add = ({ add }: Step, sum = 0) => {
  if (Number.isNaN(add)) throw new Error('no number')
  return sum + add
}

/** Processes steps like `a5` (adds 5 to key a); tells the outputs, the dead letters in their place, and the state. */
const run = async (
  all: string[],
  options: ProcessOptions<Step, number, number, string> = {},
  deadLetters = true,
) => {
  const store = memoryStore({ value: modest })
  const outputs: string[] = []
  let ending: unknown = 'completed'
  await new Promise<void>(resolve =>
    from(steps(...all))
      .pipe(
        processKV(store, ({ key }) => (key === '-' ? '' : key), add, {
          project: ({ key }, sum) => `${key}${sum}`,
          deadLetter: deadLetters
            ? ({ error, record: { key, add } }) => outputs.push(`${error.code} ${key}${add}`)
            : 'fail',
          ...options,
        }),
      )
      .subscribe({
        next: output => outputs.push(output),
        error: error => {
          ending = error
          resolve()
        },
        complete: resolve,
      }),
  )
  return { outputs, ending, state: await stateOf(store) }
}

describe('processKV and bad records', () => {
  describe.each([
    ['a transform that throws', 'a?', { code: 'CALLBACK', key: 'a', cause: { message: 'no number' } }],
    ['a key that is not valid', '-1', { code: 'INVALID_KEY' }],
    ['a value that cannot be encoded', 'a2000', { code: 'CODEC', key: 'a', cause: { message: 'too much' } }],
  ])('%s', (_, bad, error) => {
    const before = ['a1', 'b5', 'a2']
    const later = ['a4', 'c1']

    test('ends the stream, after the outputs of the records before', async () => {
      const { outputs, ending, state } = await run([...before, bad, ...later], {}, false)
      expect(outputs).toEqual(['a1', 'b5', 'a3'])
      expect(ending).toMatchObject({ name: 'KVError', ...error })
      expect(state).toEqual(['a=3@0', 'b=5@0'])
    })

    test('goes to `deadLetter` in its turn, and leaves no trace in the state', async () => {
      const { outputs, ending, state } = await run([...before, bad, ...later])
      const letter = `${error.code} ${bad.replace('?', 'NaN')}`
      expect(outputs).toEqual(['a1', 'b5', 'a3', letter, 'a7', 'c1'])
      expect(ending).toBe('completed')
      expect(state.map(entry => entry.split('@')[0])).toEqual(['a=7', 'b=5', 'c=1'])
    })

    test('alone, and several in a row', async () => {
      expect((await run(['a3', bad])).outputs).toHaveLength(2)
      const { outputs, state } = await run(['a3', bad, bad, 'b1', bad])
      expect(outputs).toEqual(['a3', ...Array(2).fill(outputs[1]), 'b1', outputs[1]])
      expect(state.map(entry => entry.split('@')[0])).toEqual(['a=3', 'b=1'])
    })
  })

  test('`project` that throws is the error of its record, which leaves no trace', async () => {
    const { outputs, state } = await run(['a1', 'a2', 'a4'], {
      project: ({ key }, sum) => {
        if (sum === 3) throw new Error('not this one')
        return `${key}${sum}`
      },
    })
    expect(outputs).toEqual(['a1', 'CALLBACK a2', 'a5'])
    expect(state).toEqual(['a=5@0'])
  })

  test('`keyOf` that throws', async () => {
    const result$ = of('a', undefined, 'b').pipe(processKV(numbers(), record => record!.trim(), increment))
    const { error, outputs } = await failureOf(result$)
    expect(outputs).toEqual([['a', 1]])
    expect(error).toMatchObject({ code: 'CALLBACK', message: expect.stringContaining('`keyOf` threw') })
  })

  test('a value that cannot be read fails every record of its key, and no other', async () => {
    const memory = new Memory()
    await lastValueFrom(memoryStore({ value: text, memory }).put$('bad', '{'))
    const letters: string[] = []
    const result$ = of('a', 'bad', 'b', 'bad').pipe(
      processKV(numbers(memory), word, increment, {
        deadLetter: ({ error, record }) => letters.push(`${error.code} ${record} ${error.key}`),
      }),
      toArray(),
    )
    expect((await lastValueFrom(result$)).map(([record]) => record)).toEqual(['a', 'b'])
    expect(letters).toEqual(['CODEC bad bad', 'CODEC bad bad'])
    const { error, outputs } = await failureOf(
      of('a', 'bad').pipe(processKV(numbers(memory), word, increment)),
    )
    expect(outputs).toEqual([['a', 2]])
    expect(error.code).toBe('CODEC')
  })

  test('of many records of a key only the one is taken out that made the value bad', async () => {
    const some = (count: number) => Array.from({ length: count }, () => 'a1')
    const { outputs, state } = await run([...some(12), 'a5000', ...some(5)])
    const sums = Array.from({ length: 17 }, (_, i) => `a${i + 1}`)
    expect(outputs).toEqual(sums.toSpliced(12, 0, 'CODEC a5000'))
    expect(state[0]).toMatch(/^a=17@/)
  })

  test.each([
    ['CALLBACK', 'NaN'],
    ['CODEC', '2000'],
  ])('many bad records: %s', async (code, bad) => {
    const all = Array.from(
      { length: 3000 },
      (_, i) => `${String.fromCodePoint(0x4e00 + (i % 700))}${i % 10 === 0 ? bad : 1}`,
    )
    const { outputs, ending } = await run(all)
    expect(ending).toBe('completed')
    expect(outputs.filter(output => output.startsWith(code))).toHaveLength(300)
    expect(outputs).toHaveLength(3000)
  })

  test('`deadLetter` that throws ends the stream', async () => {
    const { ending } = await run(['a1', 'a?', 'a2'], {
      deadLetter: () => {
        throw new Error('the letter box is full')
      },
    })
    expect(ending).toMatchObject({ code: 'CALLBACK', message: '`deadLetter` threw: the letter box is full' })
  })

  test.each(['INDETERMINATE', 'TIMEOUT', 'UNAVAILABLE', 'AUTH', 'QUOTA'] as const)(
    "%s is no record's fault: it ends the stream, dead letters or not",
    async code => {
      const error = new KVError(code, 'it happens')
      let commits = 0
      const { store } = logged({ hooks: [refusing(() => (commits++ === 1 ? error : undefined))] })
      const result$ = of('a', 'b', 'c').pipe(
        processKV(store, word, increment, { commitSize: 1, deadLetter: () => expect.unreachable() }),
      )
      expect(await failureOf(result$)).toEqual({ error, outputs: [['a', 1]] })
    },
  )

  test('nor is an error of a lookup that names no key', async () => {
    const error = new KVError('TIMEOUT', 'too late')
    let reads = 0
    const { store } = logged({
      hooks: [
        ({ name }, answer$) =>
          defer(() => (name === 'read' && reads++ === 1 ? throwError(() => error) : answer$)),
      ],
    })
    const result$ = of('a', 'b', 'a').pipe(
      processKV(store, word, increment, { commitSize: 1, deadLetter: () => expect.unreachable() }),
    )
    expect(await failureOf(result$)).toEqual({ error, outputs: [['a', 1]] })
  })
})
