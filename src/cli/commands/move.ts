import { Command } from 'commander'
import { tap } from 'rxjs'
import { type MoveProgress, moveStore$, showStoreUrl } from '../../index.ts'
import { type CommonOptions, Invocation } from '../invocation.ts'
import { count, counted, Progress } from '../progress.ts'
import { timeoutOption } from '../store.ts'

interface Options extends CommonOptions {
  readonly from: string
  readonly to: string
  readonly timeout: number
}

/** How long an operation may take by default, in milliseconds: outages that are shorter are waited for. */
const TIMEOUT = 60_000

/** What a phase is for people. */
const PHASES: Record<MoveProgress['phase'], string> = {
  copying: 'copying',
  following: 'copying what has changed',
  waiting: 'waiting for jobs to finish what they have begun',
  closing: 'closing the old place',
  comparing: 'comparing',
  moved: 'moved',
}

/** `rxkeeper move --from URL --to URL` */
export const moveCommand = (): Command =>
  new Command('move')
    .summary('move a store to another place')
    .description(
      'Moves a store to another place, another engine, or another number of ensembles, while it is used: copies it, follows what ' +
        'is written meanwhile, closes the old place, compares both sides, and opens the new one. From then on, programs that ' +
        'use the old place fail with MOVED, which names the new one. Positions of jobs go along. When it was interrupted or ' +
        'killed, the same again goes on.',
    )
    .requiredOption('--from <url>', 'where the store is')
    .requiredOption('--to <url>', 'where it is to be: an empty place')
    .addOption(timeoutOption('how long an operation may take; shorter outages are waited for', TIMEOUT))
    .option('--json', 'lines of JSON, also on a terminal')
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper move --from zookeeper://a:2181/visits --to 'zookeeper://a:2181;d:2181/visits-2'
  $ rxkeeper move --from lmdb:visits --to zookeeper://a:2181/visits`,
    )
    .action(async (options: Options) => {
      process.exitCode = await new Invocation(options).run(session => move(session, options))
    })

async function move(session: Invocation, { from, to, timeout }: Options): Promise<void> {
  let bar: { readonly total: number | undefined; readonly progress: Progress } | undefined
  let last: MoveProgress | undefined
  const show = (told: MoveProgress): void => {
    last = told
    const { phase, entries, total, copied } = told
    // How many there are is known after they were gone through once.
    if (bar === undefined || bar.total !== total) {
      bar?.progress.stop()
      bar = { total, progress: new Progress(session, total) }
    }
    const note = `${PHASES[phase]}: ${counted(entries, 'entry', 'entries')}, ${count(copied)} copied`
    bar.progress.update(entries, note)
  }
  try {
    await session.each(moveStore$({ from, to, timeout }).pipe(tap(show)), () => undefined)
  } catch (error) {
    if (last !== undefined) session.say(`stopped while ${PHASES[last.phase]}; the same again goes on there`)
    throw error
  } finally {
    bar?.progress.stop()
  }
  const { copied, contents } = last!
  const place = showStoreUrl(to)
  if (contents === undefined) {
    session.show({ moved: place }, `moved to ${place}, by an earlier run`)
    return
  }
  const { entries, checksum } = contents
  session.show(
    { moved: place, entries, copied, checksum },
    `moved to ${place}: ${counted(entries, 'entry', 'entries')}, the same on both sides (SHA-256 ${checksum})`,
  )
}
