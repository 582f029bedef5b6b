import { Command } from 'commander'
import { count as counting } from 'rxjs'
import { type KVStore, type RotateProgress, rotate$ } from '../../index.ts'
import { Invocation } from '../invocation.ts'
import { loadCodec } from '../load-module.ts'
import { count, counted, Progress } from '../progress.ts'
import { type StoreCommandOptions, withStoreOf, withStoreOptions } from '../store.ts'

/** `rxkeeper rotate MODULE` */
export const rotateCommand = (): Command =>
  withStoreOptions(new Command('rotate'))
    .summary('write values anew that are under an old key, or of an old version')
    .description(
      'Writes all values anew that the codec which a module exports (encrypted, versioned) would write otherwise by now, while ' +
        'programs go on reading and writing. Looks at everything again until it finds nothing old: then the old key can be taken ' +
        'away. All programs must write in the new form before. Interrupted, also by kill -9? The same again goes on.',
    )
    .argument('<module>')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper rotate codec.ts --store zookeeper://localhost:2181/payroll

codec.ts:
  import { encrypted, json, openKeyring } from 'rxkeeper'

  const keyring = await openKeyring({ current: 'k2', key: async id => readKey(id) })
  export default encrypted(json<number>(), keyring)`,
    )
    .action(async (module: string, options: StoreCommandOptions) => {
      process.exitCode = await new Invocation(options).run(async session => {
        const codec = await loadCodec(module)
        session.stopping.throwIfAborted()
        await withStoreOf(session, options, codec, store => rotate(session, store))
      })
    })

async function rotate(session: Invocation, store: KVStore<unknown>): Promise<void> {
  // Nobody sees the bar otherwise.
  const total = session.attended ? await session.one(store.keys$().pipe(counting())) : undefined
  const progress = new Progress(session, total)
  let last: RotateProgress | undefined
  try {
    await session.each(rotate$(store), now => {
      if (now.pass > 2 && now.pass !== last?.pass) {
        session.say('a program still writes in an old form; looking again until none does')
      }
      last = now
      progress.update(now.seen, noteOf(now))
      return undefined
    })
  } catch (error) {
    progress.stop()
    if (last !== undefined) session.say(`stopped: ${noteOf(last)}; the same again goes on there`)
    throw error
  }
  progress.stop()
  const { seen = 0, rotated = 0, pass = 0 } = last ?? {}
  session.show(
    { rotated, seen, passes: pass },
    `rotated ${counted(rotated, 'value', 'values')}; all ${count(seen)} are in the newest form`,
  )
}

const noteOf = ({ pass, seen, rotated }: RotateProgress): string =>
  `${counted(seen, 'value', 'values')} looked at, ${count(rotated)} rotated${pass === 1 ? '' : ` (pass ${pass})`}`
