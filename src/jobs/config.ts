import { readFileSync } from 'node:fs'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { from, map, type Observable, of, switchMap } from 'rxjs'
import { KVError } from '../base/errors.ts'

type Fields = Readonly<Record<string, unknown>>

/** A source of a config. */
export abstract class ConfigPlace {
  /** The fields for this job, and the origin of each for messages. */
  abstract read(job: string): {
    readonly fields: Fields
    /** The origin of a field, for messages. */
    readonly origin: (field: string) => string
  }
  /** Whether all its values are text, which may stand for other types. */
  readonly isText: boolean = false
}

/** The source of a config, or of a part of it. */
export type ConfigSource = Fields | ConfigPlace

class ConfigFile extends ConfigPlace {
  readonly #path: string

  constructor(path: string) {
    super()
    this.#path = path
  }

  read(): { fields: Fields; origin: () => string } {
    let fields: unknown
    try {
      fields = JSON.parse(readFileSync(this.#path, 'utf8'))
    } catch (error) {
      throw KVError.from(error, 'INVALID_ARGUMENT', `cannot read the config file ${this.#path}`)
    }
    if (!isFields(fields)) {
      throw new KVError('INVALID_ARGUMENT', `the config file ${this.#path} must hold a JSON object`)
    }
    return { fields, origin: () => this.#path }
  }
}

class ConfigEnvironment extends ConfigPlace {
  override readonly isText = true
  readonly #prefix: string | undefined
  readonly #environment: Readonly<Record<string, string | undefined>>

  constructor(prefix: string | undefined, environment: Readonly<Record<string, string | undefined>>) {
    super()
    this.#prefix = prefix
    this.#environment = environment
  }

  read(job: string): { fields: Fields; origin: (field: string) => string } {
    const prefix = this.#prefix ?? environmentPrefix(job)
    const fields: Record<string, string> = {}
    const names = new Map<string, string>()
    for (const [name, value] of Object.entries(this.#environment)) {
      if (value === undefined || !name.startsWith(prefix) || name === prefix) continue
      const field = camelCase(name.slice(prefix.length))
      fields[field] = value
      names.set(field, name)
    }
    return { fields, origin: field => names.get(field) ?? prefix }
  }
}

const camelCase = (name: string): string =>
  name.toLowerCase().replace(/_+([^_])/g, (_, letter: string) => letter.toUpperCase())

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A config from a JSON file, read when the job is run.
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs'
 * import { configFile, job, json, memoryStore } from 'rxkeeper'
 *
 * writeFileSync('/tmp/counter.json', '{ "step": 2 }')
 * const counter = job({
 *   name: 'counter',
 *   value: json<number>(),
 *   store: () => memoryStore({ value: json<number>() }),
 *   input: ['a', 'b', 'a'],
 *   keyOf: word => word,
 *   transform: (_, count = 0, config: { step: number }) => count + config.step,
 *   output: result => console.log(result), // ['a', 2], ['b', 2], ['a', 4]
 * })
 * await counter.run({ config: configFile('/tmp/counter.json') })
 * ```
 */
export const configFile = (path: string): ConfigPlace => new ConfigFile(path)

/**
 * A config from environment variables: `ROUTE_DELAYS_MIN_DISTANCE=500` is the field `minDistance` of the job
 * `route-delays`.
 *
 * A variable is taken as text where the schema accepts text for its field, else as JSON: `5`, `true`, `["JFK"]`.
 *
 * @example
 * ```ts
 * import { configEnvironment, job, json } from 'rxkeeper'
 *
 * const counter = job({
 *   name: 'word-counter',
 *   value: json<number>(),
 *   store: 'memory:',
 *   input: ['a', 'b', 'a'],
 *   keyOf: word => word,
 *   transform: (_, count = 0, config: { step: number }) => count + Number(config.step),
 *   output: result => console.log(result), // ['a', 2], ['b', 2], ['a', 4]
 * })
 * await counter.run({ config: configEnvironment(undefined, { WORD_COUNTER_STEP: '2' }) })
 * ```
 *
 * @param prefix the prefix of the variables' names; by default the name of the job in capitals and `_`
 * @param environment the variables; by default those of the process
 */
export const configEnvironment = (
  prefix?: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ConfigPlace => new ConfigEnvironment(prefix, environment)

const environmentPrefix = (name: string): string =>
  `${name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z\d]+/g, '_')
    .toUpperCase()}_`

/** Emits the validated config; fails with `INVALID_ARGUMENT`, which names each wrong field. */
export function resolveConfig<C>(
  name: string,
  schema: StandardSchemaV1<unknown, C> | undefined,
  sources: readonly ConfigSource[],
): Observable<C> {
  const fields: Record<string, unknown> = {}
  const origins = new Map<string, string>()
  const texts = new Set<string>()
  for (const source of sources) {
    const isPlace = source instanceof ConfigPlace
    if (!isPlace && !isFields(source)) {
      throw new KVError('INVALID_ARGUMENT', `the config of the job '${name}' must be an object`)
    }
    const read = isPlace ? source.read(name) : { fields: source, origin: () => undefined }
    for (const [field, value] of Object.entries(read.fields)) {
      fields[field] = value
      const origin = read.origin(field)
      if (origin === undefined) origins.delete(field)
      else origins.set(field, origin)
      if (isPlace && source.isText) texts.add(field)
      else texts.delete(field)
    }
  }
  if (schema === undefined) return of(fields as C)
  return validate(schema, fields).pipe(
    switchMap(result => {
      // A text that the schema refuses may be meant as JSON.
      const meant = result.issues === undefined ? undefined : readTexts(fields, texts, result.issues)
      return meant === undefined ? of(result) : validate(schema, meant)
    }),
    map(result => {
      if (result.issues === undefined) return result.value
      const faults = result.issues.map(issue => describe(issue, origins))
      throw new KVError('INVALID_ARGUMENT', `the config of the job '${name}' is wrong: ${faults.join('; ')}`)
    }),
  )
}

function validate<C>(
  schema: StandardSchemaV1<unknown, C>,
  fields: Fields,
): Observable<StandardSchemaV1.Result<C>> {
  const result = schema['~standard'].validate(fields)
  return result instanceof Promise ? from(result) : of(result)
}

const pathOf = (issue: StandardSchemaV1.Issue): string[] =>
  (issue.path ?? []).map(part => String(typeof part === 'object' ? part.key : part))

/** The fields with the refused texts parsed as JSON; `undefined` if none can be parsed. */
function readTexts(
  fields: Fields,
  texts: ReadonlySet<string>,
  issues: readonly StandardSchemaV1.Issue[],
): Fields | undefined {
  const meant: Record<string, unknown> = {}
  for (const issue of issues) {
    const field = pathOf(issue)[0]
    if (field === undefined || !texts.has(field)) continue
    try {
      meant[field] = JSON.parse(fields[field] as string)
    } catch {}
  }
  return Object.keys(meant).length === 0 ? undefined : { ...fields, ...meant }
}

function describe(issue: StandardSchemaV1.Issue, origins: ReadonlyMap<string, string>): string {
  const path = pathOf(issue)
  const origin = path[0] === undefined ? undefined : origins.get(path[0])
  const where = origin === undefined ? '' : ` (from ${origin})`
  return path.length === 0 ? issue.message : `\`${path.join('.')}\`${where}: ${issue.message}`
}
