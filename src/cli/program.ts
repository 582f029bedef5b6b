import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { aclCommand } from './commands/acl.ts'
import { benchCommand } from './commands/bench.ts'
import { deleteCommand } from './commands/delete.ts'
import { dumpCommand } from './commands/dump.ts'
import { getCommand } from './commands/get.ts'
import { groupCommand } from './commands/group.ts'
import { listCommand } from './commands/list.ts'
import { loadCommand } from './commands/load.ts'
import { monitorCommand } from './commands/monitor.ts'
import { moveCommand } from './commands/move.ts'
import { processCommand } from './commands/process.ts'
import { putCommand } from './commands/put.ts'
import { rotateCommand } from './commands/rotate.ts'
import { verifyCommand } from './commands/verify.ts'
import { watchCommand } from './commands/watch.ts'
import { ExitCode } from './exit-codes.ts'
import { Invocation } from './invocation.ts'

const HELP = `
The store is named by --store or the environment variable RXKEEPER_STORE:
  zookeeper://[user[:password]@]host[:port][,host…]/root    znodes under /root (a ; between several ensembles)
  zookeeper+tls://host[:port][,host…]/root?ca=FILE          the same by TLS; &cert=FILE&key=FILE shows a certificate
  lmdb:FOLDER                                               durable in a folder; needs the npm package lmdb
  lmdb:FOLDER?root=NAME                                     the same, one of several stores in a folder
  memory:                                                   lost at the end
What could be taken for another part of a URL is percent-encoded in it: '?' in the name of a folder is '%3F', '%' is '%25'.
The password is better given as RXKEEPER_PASSWORD: an argument is seen by others until the command has begun.
So is the passphrase of a key or PKCS #12 file, as RXKEEPER_TLS_PASSPHRASE.

Values are JSON unless --text or --bytes is given. Output is for people on a terminal, else, or with --json, lines of
JSON. Progress and messages go to stderr. NO_COLOR turns colours off.

Exit codes:
  0 done   1 failed   2 wrong usage   3 not found   4 version conflict   5 store unavailable
  130 interrupted (Ctrl-C)   143 terminated

Examples:
  $ export RXKEEPER_STORE=zookeeper://localhost:2181/visits
  $ rxkeeper put alice 1
  $ rxkeeper get alice
  $ rxkeeper watch --prefix ''
  $ rxkeeper process count-visits.ts --input visits.ndjson
  $ rxkeeper group visits --watch`

const version = (): string => {
  const manifest = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

function program(): Command {
  const program = new Command('rxkeeper')
    .description('Keyed state for RxJS pipelines, kept in Apache ZooKeeper.')
    .version(version())
    .showHelpAfterError('(--help shows how it is used)')
    .addHelpText('after', HELP)
  const commands = [
    processCommand(),
    getCommand(),
    putCommand(),
    deleteCommand(),
    listCommand(),
    watchCommand(),
    loadCommand(),
    dumpCommand(),
    moveCommand(),
    verifyCommand(),
    benchCommand(),
    monitorCommand(),
    groupCommand(),
    aclCommand(),
    rotateCommand(),
  ]
  for (const command of commands) {
    command.copyInheritedSettings(program)
    program.addCommand(command)
  }
  for (const each of [program, ...commands]) each.exitOverride()
  return program
}

/** Runs the command line; sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  // If not even a failure can be reported, the exit code still shows it.
  process.stderr.on('error', () => {})
  const session = new Invocation({})
  try {
    await program().parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help that was requested is no failure, unless it cannot be written; help after a wrong call is.
    process.exitCode = error.exitCode === 0 ? await session.run(async () => {}) : ExitCode.usage
  }
}
