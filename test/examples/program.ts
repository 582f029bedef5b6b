import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a program that has ended left behind. */
export interface Ended {
  readonly output: string
  readonly errors: string
  /** The exit code, or the signal that ended it. */
  readonly code: number | string
}

export interface Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
}

/** Starts an example as a user would, without a terminal; killed when the test is over. */
export function start(
  example: string,
  args: readonly string[] = [],
  variables: NodeJS.ProcessEnv = {},
): Running {
  const node = ['--import', 'tsx', '--conditions=rxkeeper-source', `examples/${example}`]
  return watched(process.execPath, [...node, ...args], variables)
}

/** Runs `npm start` with these arguments. */
export const npmStart = (args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  watched('npm', ['start', '--silent', '--', ...args], variables).ended

export const run = (
  example: string,
  args?: readonly string[],
  variables?: NodeJS.ProcessEnv,
): Promise<Ended> => start(example, args, variables).ended

function watched(command: string, args: readonly string[], variables: NodeJS.ProcessEnv): Running {
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...variables } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ output, errors, code: code ?? signal }))
  return { process: child, ended }
}
