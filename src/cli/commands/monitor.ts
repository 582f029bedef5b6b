import { Command } from 'commander'
import { NEVER } from 'rxjs'
import { showStoreUrl } from '../../index.ts'
import { type Monitor, serveMonitor } from '../../monitor.ts'
import { Invocation } from '../invocation.ts'
import { explainListen } from '../listen.ts'
import {
  type StoreCommandOptions,
  wholeNumberFrom,
  withCodecOption,
  withStore,
  withStoreOptions,
} from '../store.ts'

interface Options extends StoreCommandOptions {
  readonly port: number
  readonly host: string
  readonly allowHost?: string[]
  readonly prefix?: string
}

/** `rxkeeper monitor` */
export const monitorCommand = (): Command =>
  withCodecOption(withStoreOptions(new Command('monitor')))
    .summary('show the store in a browser')
    .description(
      'Serves one page that shows the store live: throughput, latency and availability over time, the states of the ' +
        'connection, keys, changes as they happen, and the figures of programs that publish them (publishFigures). It ' +
        'reads and follows the whole store, unless told a prefix, and writes nothing.',
    )
    .option('--port <port>', 'the port; 0 for any that is free', wholeNumberFrom(0), 7181)
    .option('--host <host>', 'where to listen; beyond this machine a token is needed', '127.0.0.1')
    .option(
      '--allow-host <name>',
      'a name by which visitors may address it, beside its addresses (may be repeated)',
      (name: string, names: string[] = []) => [...names, name],
    )
    .option('-p, --prefix <prefix>', 'follow only keys that begin so')
    .addHelpText(
      'after',
      `
The token, where one is needed, is made up and shown as part of the address; RXKEEPER_MONITOR_TOKEN sets one (at least
16 characters), and asks for it on this machine too.

Examples:
  $ rxkeeper monitor --store zookeeper://localhost:2181/visits
  $ rxkeeper monitor --port 0 --prefix JFK-
  $ rxkeeper monitor --host 0.0.0.0 --allow-host monitor.example.org`,
    )
    .action(async (options: Options) => {
      process.exitCode = await new Invocation(options).run(session =>
        withStore(session, options, async store => {
          const { port, host, allowHost: allowedHosts, prefix } = options
          const name = showStoreUrl(options.store ?? process.env.RXKEEPER_STORE ?? '')
          const token = process.env.RXKEEPER_MONITOR_TOKEN || undefined
          await using monitor = await serveMonitor(store, {
            port,
            host,
            allowedHosts,
            prefix,
            name,
            token,
          }).catch(explainListen('--port'))
          show(session, monitor, token === undefined)
          await session.each(NEVER, () => undefined)
        }),
      )
    })

function show(session: Invocation, { url, token }: Monitor, madeUp: boolean): void {
  // A given token is known to whoever gave it.
  const address = token !== undefined && madeUp ? `${url}#token=${token}` : url
  session.show({ url: address }, `${session.colors.cyan(address)}  ${session.colors.dim('Ctrl-C ends it')}`)
}
