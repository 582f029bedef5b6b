import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConfigSource, configEnvironment, configFile, job, json } from 'rxkeeper'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../lmdb/temporary.ts'

const schema = v.object({
  minDelay: v.optional(v.pipe(v.number(), v.minValue(0)), 15),
  airports: v.optional(v.array(v.string())),
  title: v.optional(v.string()),
  strict: v.optional(v.boolean()),
})

/** Runs a job with this config; resolves with what the job makes of it. */
async function configOf(
  config: ConfigSource | readonly ConfigSource[],
): Promise<v.InferOutput<typeof schema>> {
  const configs: v.InferOutput<typeof schema>[] = []
  await job({
    name: 'route-delays',
    config: schema,
    value: json<number>(),
    store: 'memory:',
    input: context => {
      configs.push(context.config)
      return [] as string[]
    },
    keyOf: text => text,
    transform: () => 1,
  }).run({ config })
  return configs[0]!
}

const fileWith = (content: string): string => {
  const path = join(temporaryFolder(), 'job.json')
  writeFileSync(path, content)
  return path
}

test('comes from an object, with the defaults of the schema', async () => {
  expect(await configOf({})).toEqual({ minDelay: 15 })
  expect(await configOf({ minDelay: 5, title: 'late' })).toEqual({ minDelay: 5, title: 'late' })
})

test('comes from a file, the environment and an object, the later winning', async () => {
  const file = configFile(fileWith('{ "minDelay": 1, "title": "file", "strict": false }'))
  const environment = configEnvironment(undefined, {
    ROUTE_DELAYS_MIN_DELAY: '2',
    ROUTE_DELAYS_TITLE: 'environment',
  })
  expect(await configOf([file, environment, { title: 'object' }])).toEqual({
    minDelay: 2,
    title: 'object',
    strict: false,
  })
})

test('a variable is text where the schema takes text, else what it says in JSON', async () => {
  const environment = configEnvironment('R_', {
    R_MIN_DELAY: '2.5',
    R_TITLE: '2.5',
    R_STRICT: 'true',
    R_AIRPORTS: '["JFK", "SFO"]',
    R: 'x',
    OTHER: 'x',
  })
  expect(await configOf(environment)).toEqual({
    minDelay: 2.5,
    title: '2.5',
    strict: true,
    airports: ['JFK', 'SFO'],
  })
})

test.each<[string, () => ConfigSource | ConfigSource[], RegExp]>([
  ['of an object', () => ({ minDelay: -1 }), /config of the job 'route-delays' is wrong: `minDelay`: .*>=0/],
  ['within a field', () => ({ airports: ['JFK', 5] }), /`airports\.1`: .*string/],
  [
    'of a file',
    () => configFile(fileWith('{ "minDelay": "5" }')),
    /`minDelay` \(from .*job\.json\): .*number/,
  ],
  [
    'of the environment',
    () => configEnvironment('R_', { R_MIN_DELAY: 'soon' }),
    /`minDelay` \(from R_MIN_DELAY\)/,
  ],
  ['that is overridden', () => [configEnvironment('R_', { R_TITLE: 'x' }), { title: 5 }], /`title`: /],
  ['more than one', () => ({ minDelay: -1, title: 5 }), /`minDelay`.*; `title`/],
  ['when it is no object', () => 5 as never, /must be an object/],
])('names the field that is wrong, %s', async (_, config, message) => {
  await expect(configOf(config())).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  })
})

test.each([
  ['absent', () => '/nowhere/job.json', /cannot read .*\/nowhere\/job.json.*ENOENT/],
  ['not JSON', () => fileWith('{'), /cannot read .*job.json/],
  ['no object', () => fileWith('[]'), /must hold a JSON object/],
])('a file that is %s is named', async (_, path, message) => {
  await expect(configOf(configFile(path()))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  })
})

test('a schema that answers later is waited for', async () => {
  const later = v.pipeAsync(
    v.string(),
    v.checkAsync(async text => text !== 'bad', 'Bad.'),
  )
  const asking = (config: object) =>
    job({
      name: 'later',
      config: v.objectAsync({ mode: later }),
      value: json<number>(),
      store: 'memory:',
      input: ({ config: { mode } }) => [mode],
      keyOf: text => text,
      transform: () => 1,
    }).run({ config: config as ConfigSource })
  expect((await asking({ mode: 'good' })).figures.total.records).toBe(1)
  await expect(asking({ mode: 'bad' })).rejects.toThrow('`mode`: Bad.')
})
