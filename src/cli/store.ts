import { type Command, InvalidArgumentError, Option } from 'commander'
import { bytes, type Codec, type KVStore, openStore } from '../index.ts'
import type { CommonOptions, Invocation } from './invocation.ts'
import { loadCodec } from './load-module.ts'
import type { FormatOptions } from './values.ts'

/** How long a command waits for an answer by default, in milliseconds. */
const TIMEOUT = 10_000

/** How long a store may take to connect before we say so on a terminal, in milliseconds. */
const PATIENCE = 1_000

/** Options of commands that open a store. */
export interface StoreCommandOptions extends CommonOptions {
  readonly store?: string
  readonly codec?: string
  readonly timeout: number
}

/** Parses an option that is a whole number. */
export const wholeNumberFrom =
  (least: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`)
    }
    return value
  }

/** Parses an expected version; the store refuses one that no key can have. */
export const versionFrom: (text: string) => number = wholeNumberFrom(-(2 ** 31))

/** The option `--timeout`, in milliseconds. */
export const timeoutOption = (description: string, byDefault: number): Option =>
  new Option('--timeout <ms>', description).default(byDefault).argParser(wholeNumberFrom(1))

/** Adds the options that name the store to a command. */
export const withStoreOptions = (command: Command): Command =>
  command
    .option(
      '-s, --store <url>',
      "where the store is, e.g. 'zookeeper://host:2181/root', 'lmdb:FOLDER' (default: $RXKEEPER_STORE)",
    )
    .addOption(timeoutOption('how long to wait for an answer', TIMEOUT))
    .option('--json', 'lines of JSON, also on a terminal')

/** Adds the option for the codec of values to a command. */
export const withCodecOption = (command: Command): Command =>
  command.option(
    '--codec <module>',
    "a module that exports how values are stored, such as 'export default encrypted(bytes, …)'",
  )

/** Adds the options for the format of values to a command. */
export const withFormatOptions = (command: Command): Command =>
  withCodecOption(command)
    .addOption(new Option('--text', 'values are text').conflicts('bytes'))
    .addOption(new Option('--bytes', 'values are bytes, shown and given in base64'))

export interface ValueCommandOptions extends StoreCommandOptions, FormatOptions {}

/** Opens the store, runs `work` with it, and closes it in any case. */
export async function withStore(
  session: Invocation,
  options: StoreCommandOptions,
  work: (store: KVStore<Uint8Array>) => Promise<unknown>,
): Promise<void> {
  const { codec } = options
  const value = codec === undefined ? bytes : ofBytes(codec, await loadCodec(codec))
  session.stopping.throwIfAborted()
  await withStoreOf(session, options, value, work)
}

/** The codec of a module as one whose values are bytes; decoding fails where they are not. */
const ofBytes = (module: string, codec: Codec<unknown>): Codec<Uint8Array> => ({
  encode: (value, key) => codec.encode(value, key),
  decode: (stored, key) => {
    const value = codec.decode(stored, key)
    if (value instanceof Uint8Array) return value
    throw new TypeError(
      `the values of ${module} are no bytes; it must export encrypted(bytes, …) or the like`,
    )
  },
  prepare: (stored, key) => codec.prepare?.(stored, key),
})

/** As {@link withStore}, with values of a codec. */
export async function withStoreOf<V>(
  session: Invocation,
  { store: url, timeout }: StoreCommandOptions,
  value: Codec<V>,
  work: (store: KVStore<V>) => Promise<unknown>,
): Promise<void> {
  const store = openStore(url, { value, timeout })
  let told: string | undefined
  const subscription = store.status$.subscribe(({ state, reason }) => {
    told = state === 'connected' ? undefined : `${state}: ${reason}`
  })
  const impatience = setTimeout(() => {
    if (session.attended && told !== undefined)
      session.say(session.errorColors.dim(`waiting for the store (${told})`))
  }, PATIENCE)
  try {
    await work(store)
  } finally {
    clearTimeout(impatience)
    subscription.unsubscribe()
    await store.close()
  }
}
