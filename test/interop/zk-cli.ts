import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

function findCli(): string {
  const folders = [process.env.ZOOKEEPER_HOME ?? '', '/usr/share/zookeeper']
  const found = folders.map(folder => join(folder, 'bin/zkCli.sh')).find(file => existsSync(file))
  if (found === undefined) throw new Error('no zkCli.sh in ZOOKEEPER_HOME or Debian’s package zookeeper')
  return found
}

/** Runs commands in one zkCli.sh; gives what it prints. */
export const zkCli = (servers: string, ...commands: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = execFile(findCli(), ['-server', servers], (error, stdout, stderr) =>
      error
        ? reject(new Error(`zkCli.sh: ${error.message}\n${stdout}\n${stderr}`))
        : resolve(stdout + stderr),
    )
    child.stdin!.end([...commands, 'quit', ''].join('\n'))
  })
