import { concat, EMPTY, filter, firstValueFrom, NEVER, of, Subject, throwError, timer } from 'rxjs'
import { type JobDefinition, type JobEvent, job, json, Memory, memoryStore } from 'rxkeeper'
import { describe, expect, test } from 'vitest'
import { contentOf, counting, eventsOf, type Visit, visit } from './visits.ts'

const numbers = json<number>()

describe('a run', () => {
  test('processes its input, gives out the outputs in order, and ends with the figures', async () => {
    const store = memoryStore({ value: numbers })
    const outputs: [Visit, number | undefined][] = []
    const run = counting().run({
      store,
      input: [visit('alice'), visit('bob'), visit('alice')],
      output: output => outputs.push(output),
    })
    const events = eventsOf(run)
    const { reason, aborted, exitCode, figures } = await run
    expect(outputs).toEqual([
      [visit('alice'), 1],
      [visit('bob'), 1],
      [visit('alice'), 2],
    ])
    expect({ reason, aborted, exitCode }).toEqual({ reason: 'end of input', aborted: false, exitCode: 0 })
    expect(figures).toMatchObject({ final: true, outputs: 3, deadLetters: 0, inFlight: 0 })
    expect(figures.total).toMatchObject({ records: 3, availability: 1 })
    expect(events).toEqual(['started', 'stopping', 'stopped', 'complete'])
    expect(await contentOf(store)).toEqual({ alice: 2, bob: 1 })
  })

  test('tells late subscribers what matters still', async () => {
    const run = counting().run({ store: 'memory:', input: [visit('alice'), visit('bob')] })
    await run
    const seen: JobEvent<Visit>[] = []
    run.subscribe(event => seen.push(event))
    expect(seen.map(({ type }) => type)).toEqual(['started', 'status', 'stopping', 'figures', 'stopped'])
  })

  test('closes the store that it opened, and leaves open the one that it was given', async () => {
    const memory = new Memory()
    const opened = memoryStore({ value: numbers, memory })
    await counting().run({ store: () => opened, input: [visit('alice')] })
    await expect(firstValueFrom(opened.get$('alice'))).rejects.toMatchObject({ code: 'CLOSED' })
    const given = memoryStore({ value: numbers, memory })
    await counting().run({ store: given, input: [visit('alice')] })
    expect(await firstValueFrom(given.get$('alice'))).toBe(2)
  })

  test('has the context where it makes its input and its outputs', async () => {
    const store = memoryStore({ value: numbers })
    const outputs: string[] = []
    await job({
      name: 'greeter',
      value: numbers,
      store,
      input: ({ name, config }) => [`${name} ${(config as { greeting: string }).greeting}`],
      keyOf: text => text,
      transform: () => 1,
      project: text => text.toUpperCase(),
      output: (text, context) => outputs.push(`${text} ${context.store === store}`),
    }).run({ config: { greeting: 'hello' } })
    expect(outputs).toEqual(['GREETER HELLO true'])
  })

  test.each<[string, Partial<JobDefinition<Visit, number, number, unknown, unknown>>]>([
    ['name', { name: '' }],
    ['value', { value: undefined as never }],
    ['keyOf', { keyOf: 'user' as never }],
    ['transform', { transform: undefined as never }],
    ['project', { project: 1 as never }],
    ['output', { output: 'stdout' as never }],
    ['deadLetter', { deadLetter: 'drop' as never }],
  ])('is not described with a wrong `%s`', (field, part) => {
    const { definition } = counting()
    expect(() => job({ ...definition, ...part } as typeof definition)).toThrow(
      new RegExp(`\`${field}\` of a job`),
    )
  })

  test('fails without an input or a store', async () => {
    await expect(counting().run({ store: 'memory:' })).rejects.toThrow(/`input`/)
    await expect(counting().run({ input: [], store: '' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('fails when its store cannot be opened', async () => {
    const store = () => Promise.reject(new Error('not today'))
    await expect(counting().run({ store, input: EMPTY })).rejects.toThrow('not today')
  })
})

describe('stopping', () => {
  test('takes no more records, and finishes those in flight', async () => {
    const store = memoryStore({ value: numbers })
    const input = new Subject<Visit>()
    const outputs: unknown[] = []
    const run = counting().run({ store, input, output: output => outputs.push(output) })
    const events = eventsOf(run)
    input.next(visit('alice'))
    run.stop()
    expect(input.observed).toBe(false)
    expect(await run).toMatchObject({ reason: 'stop', aborted: false, exitCode: 0 })
    expect(outputs).toEqual([[visit('alice'), 1]])
    expect(events).toEqual(['started', 'stopping', 'stopped', 'complete'])
    run.stop()
    run.abort()
    expect(events).toHaveLength(4)
  })

  test('waits for a slow output', async () => {
    const taken: string[] = []
    const run = counting().run({
      store: 'memory:',
      input: concat(of(visit('alice'), visit('bob')), NEVER),
      output: async ([{ user }]) => {
        await firstValueFrom(timer(5))
        taken.push(user)
        if (user === 'alice') run.stop()
      },
    })
    await run
    expect(taken).toEqual(['alice', 'bob'])
  })

  test('at once gives nothing more out', async () => {
    const store = memoryStore({ value: numbers })
    const input = new Subject<Visit>()
    const outputs: unknown[] = []
    const run = counting().run({ store: () => store, input, output: output => outputs.push(output) })
    input.next(visit('alice'))
    run.abort('SIGTERM')
    expect(await run).toMatchObject({ reason: 'SIGTERM', aborted: true, exitCode: 143 })
    expect(outputs).toEqual([])
    expect(input.observed).toBe(false)
    await expect(firstValueFrom(store.get$('alice'))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('before the store is open ends without a record', async () => {
    let open = (_: ReturnType<typeof memoryStore<number>>): void => {}
    const store = memoryStore({ value: numbers })
    const run = counting().run({
      store: () => new Promise(resolve => (open = resolve)),
      input: [visit('alice')],
    })
    run.stop()
    open(store)
    expect(await run).toMatchObject({ reason: 'stop', exitCode: 0 })
    await expect(firstValueFrom(store.get$('alice'))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('at once before the store is open closes it when it is', async () => {
    let open = (_: ReturnType<typeof memoryStore<number>>): void => {}
    const store = memoryStore({ value: numbers })
    const run = counting().run({
      store: () => new Promise(resolve => (open = resolve)),
      input: [visit('alice')],
    })
    run.abort()
    expect(await run).toMatchObject({ aborted: true })
    open(store)
    await firstValueFrom(timer(0))
    await expect(firstValueFrom(store.get$('alice'))).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('failures', () => {
  const input = [visit('alice'), visit('broken'), visit('bob')]

  test('a transform that throws fails the job, after the outputs of the records before', async () => {
    const outputs: unknown[] = []
    const run = counting().run({
      store: 'memory:',
      input: [visit('bob'), ...input],
      output: async output => {
        await firstValueFrom(timer(2))
        outputs.push(output)
      },
    })
    const events = eventsOf(run)
    await expect(run).rejects.toMatchObject({ code: 'CALLBACK', message: '`transform` threw: no such user' })
    expect(outputs).toEqual([
      [visit('bob'), 1],
      [visit('alice'), 1],
    ])
    expect(events).toEqual(['started', 'stopping', 'error'])
  })

  test('or goes to the dead letters, in its turn', async () => {
    const store = memoryStore({ value: numbers })
    const seen: unknown[] = []
    const run = counting().run({
      store,
      input: [...input, visit('')],
      output: ([{ user }]) => seen.push(user),
      deadLetter: async ({ record, error }) => {
        await null
        seen.push([record.user, error.code])
      },
    })
    const letters: unknown[] = []
    run.subscribe(event => {
      if (event.type === 'dead letter') letters.push(event.letter.record)
    })
    const { figures } = await run
    expect(seen).toEqual(['alice', ['broken', 'CALLBACK'], 'bob', ['', 'INVALID_KEY']])
    expect(letters).toEqual([visit('broken'), visit('')])
    expect(figures).toMatchObject({ outputs: 2, deadLetters: 2, inFlight: 0 })
    expect(await contentOf(store)).toEqual({ alice: 1, bob: 1 })
  })

  test('a project that throws leaves no trace of its record in the state', async () => {
    const store = memoryStore({ value: numbers })
    await job({
      name: 'shown',
      value: numbers,
      keyOf: ({ user }: Visit) => user,
      transform: (_, count = 0) => count + 1,
      project: ({ user }) => {
        if (user === 'bob') throw new Error('cannot be shown')
        return user
      },
    }).run({ store, input: [visit('alice'), visit('bob')], deadLetter: () => {} })
    expect(await contentOf(store)).toEqual({ alice: 1 })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    ['emits an error', () => throwError(() => new Error('disk full'))],
  ])('an output that %s fails the job', async (_, output) => {
    await expect(counting().run({ store: 'memory:', input: [visit('alice')], output })).rejects.toMatchObject(
      {
        code: 'CALLBACK',
        message: '`output` failed: disk full',
      },
    )
  })

  test('a dead-letter output that throws fails the job', async () => {
    const deadLetter = () => Promise.reject(new Error('disk full'))
    const run = counting().run({ store: 'memory:', input, deadLetter })
    await expect(run).rejects.toThrow('`deadLetter` failed: disk full')
  })

  test('an input that fails fails the job, after the outputs of its records', async () => {
    const outputs: unknown[] = []
    const run = counting().run({
      store: 'memory:',
      input: concat(
        of(visit('alice')),
        throwError(() => new Error('torn')),
      ),
      output: output => outputs.push(output),
    })
    await expect(run).rejects.toThrow('torn')
    expect(outputs).toEqual([[visit('alice'), 1]])
  })

  test('a record that fails is the failure, also where reading fails behind it meanwhile', async () => {
    const outputs: unknown[] = []
    const run = counting().run({
      store: 'memory:',
      input: concat(
        of(visit('alice'), visit('')),
        throwError(() => new Error('torn')),
      ),
      output: output => outputs.push(output),
    })
    await expect(run).rejects.toMatchObject({ code: 'INVALID_KEY' })
    expect(outputs).toEqual([[visit('alice'), 1]])
  })

  test('an error that nobody hears is an unhandled rejection', async () => {
    const heard = new Promise(resolve => process.once('unhandledRejection', resolve))
    counting().run({ store: 'memory:', input: throwError(() => new Error('unheard')) })
    expect(await heard).toMatchObject({ message: 'unheard' })
  })
})

test('publishes its figures in the store while it runs', async () => {
  const store = memoryStore({ value: numbers })
  const input = new Subject<Visit>()
  const run = counting().run({ store, input, interval: 5, publish: 'visits@here' })
  input.next(visit('alice'))
  const published = await firstValueFrom(store.watch$('~figures/visits@here').pipe(filter(Boolean)))
  expect(published).toMatchObject({ name: 'visits@here', records: { total: { records: 1 } } })
  input.complete()
  await run
  expect(await contentOf(store)).toEqual({ alice: 1 })
})

test('a slow output holds the input back', async () => {
  let read = 0
  let taken = 0
  let most = 0
  async function* visits() {
    for (; read < 20_000; read++) {
      most = Math.max(most, read - taken)
      yield visit(`user ${read % 100}`)
    }
  }
  await job({ ...counting().definition, process: { commitSize: 100 } }).run({
    store: 'memory:',
    input: visits(),
    output: () => (++taken % 500 === 0 ? firstValueFrom(timer(1)) : undefined),
  })
  expect(taken).toBe(20_000)
  // 1,024 may wait for the output, 200 are in the process loop.
  expect(most).toBeLessThan(1_500)
})
