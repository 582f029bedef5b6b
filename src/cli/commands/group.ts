import { Command } from 'commander'
import { map, take } from 'rxjs'
import { type GroupSnapshot, group$, groupNames$ } from '../../index.ts'
import { CliError, ExitCode } from '../exit-codes.ts'
import { groupTable } from '../group-table.ts'
import { Invocation, jsonLine } from '../invocation.ts'
import { type StoreCommandOptions, wholeNumberFrom, withStore, withStoreOptions } from '../store.ts'
import { shownKey } from '../values.ts'

interface Options extends StoreCommandOptions {
  readonly watch?: boolean
  readonly interval: number
}

/** Moves the cursor to the top of a terminal and clears it. */
const CLEAR = '\x1b[H\x1b[2J'

/** `rxkeeper group` */
export const groupCommand = (): Command =>
  withStoreOptions(new Command('group'))
    .summary('show the processes that share a job')
    .description(
      'Shows the members of a group, who owns which partition, how far each is processed, how fast, and how much is left ' +
        'to do where the owner tells. Without a name, lists the groups. Writes nothing.',
    )
    .argument('[name]', 'the name of the group')
    .option('-w, --watch', 'again and again, until Ctrl-C')
    .option(
      '--interval <ms>',
      'how long rates are measured, and how often it is shown',
      wholeNumberFrom(100),
      1000,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper group
  $ rxkeeper group orders --store zookeeper://localhost:2181/shop
  $ rxkeeper group orders --watch
  $ rxkeeper group orders --json | jq '.partitions[] | select(.owner == null)'`,
    )
    .action(async (name: string | undefined, options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        withStore(session, options, async store => {
          if (name === undefined) {
            const names = await session.one(groupNames$(store).pipe(take(1)))
            for (const group of names) session.show({ group }, shownKey(group))
            return
          }
          const { watch = false, interval } = options
          const snapshots$ = group$(store, name, { interval })
          // The first snapshot has no rates.
          const shown$ = watch ? snapshots$ : snapshots$.pipe(take(2))
          let last: GroupSnapshot | undefined
          await session.each(shown$.pipe(map(snapshot => (last = snapshot))), snapshot =>
            watch ? show(session, snapshot, process.stdout.isTTY === true) : undefined,
          )
          if (watch || last === undefined) return
          if (last.members.length + last.partitions.length === 0) {
            throw new CliError(`no such group: ${shownKey(name)}`, ExitCode.notFound)
          }
          await show(session, last, false)
        }),
      )
    })

const show = (session: Invocation, snapshot: GroupSnapshot, anew: boolean): Promise<void> | undefined =>
  session.out.line(
    session.json ? jsonLine(snapshot) : (anew ? CLEAR : '') + groupTable(snapshot, session.colors),
  )
