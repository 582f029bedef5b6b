import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release, totalmem } from 'node:os'

/** What the figures depend on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memory: string
  readonly system: string
  readonly node: string
  readonly versions: Readonly<Record<string, string>>
  readonly commit: string
}

const require = createRequire(import.meta.url)

/** The version of an installed npm package. */
export function packageVersion(name: string, from: NodeJS.Require = require): string {
  for (const folder of from.resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')) as { version: string })
        .version
    } catch {
      // Not in this folder.
    }
  }
  return 'not installed'
}

/** What a command prints, its first line; an empty string where it cannot be run. */
export function firstLine(command: string, args: readonly string[], cwd?: string): string {
  try {
    const output = execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    return output.split('\n')[0]!.trim()
  } catch {
    return ''
  }
}

function system(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))![1]!
  } catch {
    return process.platform
  }
}

export function machine(versions: Readonly<Record<string, string>>): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${system()}, kernel ${release()}`,
    node: process.version,
    versions,
    commit: firstLine('git', ['describe', '--always', '--dirty'], import.meta.dirname),
  }
}

const TICKS_A_SECOND = 100

/** The most memory that this process has had, in megabytes; `resourceUsage` counts what its parent had, too. */
export function peakMemory(): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024
  } catch {
    return process.resourceUsage().maxRSS / 1024
  }
}

/** The CPU seconds, of user and system, that these processes have used; 0 where the system does not tell. */
export function cpuSecondsOf(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name, in parentheses, may have spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // No such file system, or the process has gone.
    }
  }
  return ticks / TICKS_A_SECOND
}
