import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { buildPackage } from '../../build.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** What became of a command. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

/** A user's project with rxkeeper, as built, among its dependencies. */
export class Project {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'rxkeeper-cli-'))
  readonly main: string

  constructor() {
    this.main = join(this.folder, 'node_modules/rxkeeper/dist/cli/main.js')
  }

  /** Installs the package, with what it depends on and nothing else. */
  async install(): Promise<void> {
    const packageFolder = join(this.folder, 'node_modules/rxkeeper')
    // Types are checked elsewhere.
    await buildPackage(join(packageFolder, 'dist'), { check: false })
    const manifest = readFileSync(join(repository, 'package.json'), 'utf8')
    writeFileSync(join(packageFolder, 'package.json'), manifest)
    const { dependencies, peerDependencies } = JSON.parse(manifest)
    for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), 'tsx']) this.#link(name)
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }')
    cpSync(join(repository, 'test/cli/modules'), this.folder, { recursive: true })
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, content: string): string {
    writeFileSync(this.path(name), content)
    return name
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  /** Begins a command. */
  start(args: readonly string[], env: RunOptions['env'] = {}): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, [this.main, ...args], {
      cwd: this.folder,
      env: { ...cleanEnvironment(), ...env },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdin.on('error', () => {})
    return child
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], { input = '', env }: RunOptions = {}): Promise<Outcome> {
    const child = this.start(args, env)
    child.stdin.end(input)
    return outcomeOf(child)
  }

  /** Runs a command on a terminal, to its end; stdout and stderr are one there. */
  async onTerminal(args: readonly string[], env: RunOptions['env'] = {}): Promise<Outcome> {
    const command = [process.execPath, this.main, ...args].map(arg => `'${arg}'`).join(' ')
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: this.folder,
      env: { ...cleanEnvironment(), TERM: 'xterm', ...env },
    })
    child.stdin.end()
    return outcomeOf(child)
  }

  /** Runs a line of shell, in which `rxkeeper` is the command. */
  async shell(line: string, env: RunOptions['env'] = {}): Promise<Outcome> {
    const script = `rxkeeper() { '${process.execPath}' '${this.main}' "$@"; }; ${line}`
    const child = spawn('bash', ['-c', script], { cwd: this.folder, env: { ...cleanEnvironment(), ...env } })
    child.stdin.end()
    return outcomeOf(child)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #link(name: string): void {
    const link = join(this.folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(repository, 'node_modules', name), link)
  }
}

/** A project for the tests of a file. */
export function newProject(): Project {
  const project = new Project()
  beforeAll(() => project.install())
  afterAll(() => project.remove())
  return project
}

/** Resolves when a child has ended. */
export async function outcomeOf(child: ReturnType<Project['start']>): Promise<Outcome> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: code as number | null, stdout, stderr }
}

/** The lines of JSON of an output. */
export const jsonLines = (output: string): unknown[] =>
  output
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

/** Without what colours and stores of whoever runs the tests would change. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NO_COLOR, FORCE_COLOR, CI, RXKEEPER_STORE, RXKEEPER_PASSWORD, ...rest } = process.env
  return rest
}
