import { Command } from 'commander'
import { storeAcl$ } from '../../index.ts'
import { CliError, ExitCode } from '../exit-codes.ts'
import { Invocation } from '../invocation.ts'
import { count, counted, Progress } from '../progress.ts'
import { type StoreCommandOptions, withStoreOptions } from '../store.ts'

/** `rxkeeper acl [ENTRY…]` */
export const aclCommand = (): Command =>
  withStoreOptions(new Command('acl'))
    .summary('show or change who may do what with a whole store')
    .description(
      'Shows the access control lists of all nodes of a store on ZooKeeper, and how many nodes have each; or gives all of them the ' +
        'list of these entries: SCHEME:ID:PERMISSIONS, as in ZooKeeper’s own command line. Broken off, the same again goes on.',
    )
    .argument(
      '[entries...]',
      "such as 'auth::cdrwa' (who runs this), 'sasl:bob:r', 'x509:CN=carol:r', 'world:anyone:r'",
    )
    .addHelpText(
      'after',
      `
Examples:
  $ rxkeeper acl --store zookeeper://alice@host:2181/visits
  $ rxkeeper acl auth::cdrwa world:anyone:r     # others may read
  $ rxkeeper acl auth::cdrwa                    # nobody else any more

Stores that are open create nodes as their own option 'acl' says: open them anew with the new list first.`,
    )
    .action(async (entries: string[], options: StoreCommandOptions) => {
      process.exitCode = await new Invocation(options).run(session =>
        entries.length === 0 ? show(session, options) : change(session, options, entries),
      )
    })

function urlOf({ store = process.env.RXKEEPER_STORE }: StoreCommandOptions): string {
  if (store === undefined || store === '') {
    throw new CliError('which store? Give its URL with --store, or RXKEEPER_STORE', ExitCode.usage)
  }
  return store
}

async function show(session: Invocation, options: StoreCommandOptions): Promise<void> {
  const nodes = new Map<string, { readonly acl: readonly string[]; nodes: number }>()
  const progress = new Progress(session, undefined)
  let seen = 0
  try {
    await session.each(storeAcl$(urlOf(options), { timeout: options.timeout }), ({ acl }) => {
      const same = nodes.get(acl.join())
      if (same === undefined) nodes.set(acl.join(), { acl, nodes: 1 })
      else same.nodes++
      progress.update(++seen, counted(seen, 'node', 'nodes'))
      return undefined
    })
  } finally {
    progress.stop()
  }
  for (const each of [...nodes.values()].sort((one, other) => other.nodes - one.nodes)) {
    session.show(each, `${each.acl.join(' ')}  ${session.colors.dim(counted(each.nodes, 'node', 'nodes'))}`)
  }
}

async function change(
  session: Invocation,
  options: StoreCommandOptions,
  entries: readonly string[],
): Promise<void> {
  const progress = new Progress(session, undefined)
  let nodes = 0
  let changed = 0
  try {
    await session.each(storeAcl$(urlOf(options), { acl: entries, timeout: options.timeout }), node => {
      nodes++
      if (node.changed) changed++
      progress.update(nodes, `${count(changed)} changed`)
      return undefined
    })
  } catch (error) {
    progress.stop()
    session.say(`stopped: ${counted(changed, 'node is', 'nodes are')} changed; the same again goes on there`)
    throw error
  }
  progress.stop()
  session.show({ nodes, changed }, `changed ${count(changed)} of ${counted(nodes, 'node', 'nodes')}`)
}
