import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether this process may install Debian packages. */
export const mayInstall = (): boolean => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')

/** Held while packages are installed: test files that run at the same time do not disturb each other. */
const LOCK = join(tmpdir(), 'rxkeeper-install.lock')

/** Installs Debian packages, or fails with what was said. */
export function install(...packages: string[]): void {
  console.log(`installing ${packages.join(', ')} (apt-get)`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const { status, stdout, stderr, error } = spawnSync('flock', [LOCK, 'apt-get', ...args], {
      env,
      encoding: 'utf8',
    })
    if (status !== 0) {
      throw new Error(`apt-get ${args.join(' ')} failed: ${error ?? ''}\n${stdout}\n${stderr}`)
    }
  }
}
