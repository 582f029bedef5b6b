/**
 * The packed artefact, as users get it: installed in an empty project, imported, required, run and compiled against.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const consumer = fileURLToPath(new URL('./consumer', import.meta.url))
const { devDependencies } = createRequire(import.meta.url)('../../package.json') as {
  devDependencies: Record<string, string>
}

/** A dependency in the version that is developed with. */
const asHere = (name: string): string => `${name}@${devDependencies[name]}`

const project = mkdtempSync(join(tmpdir(), 'rxkeeper-package-'))

function run(command: string, args: string[], cwd = project): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}:\n${stdout}\n${stderr}`)
  }
}

const install = (...packages: string[]): string =>
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages])

/** All that is there after an installation with rxjs. */
const EXPECTED = [
  '@standard-schema/spec',
  'async',
  'fdir',
  'node-zookeeper-client',
  'picomatch',
  'rxjs',
  'rxkeeper',
  'tinyglobby',
  'tslib',
  'underscore',
]

/** What `npm ls` tells; an optional peer that is not there has no version. */
interface Installed {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, Installed>>
}

const namesIn = ({ dependencies = {} }: Installed): string[] =>
  Object.entries(dependencies).flatMap(([name, of]) =>
    of.version === undefined ? [] : [name, ...namesIn(of)],
  )

function step(what: string, work: () => void): void {
  work()
  console.log(`ok: ${what}`)
}

try {
  cpSync(consumer, project, { recursive: true })
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))

  const packed = run('npm', ['pack', '--json', '--pack-destination', project], repository)
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]

  step('installs in an empty project, with rxjs only', () => install(`./${filename}`, asHere('rxjs')))
  step('runs a pipeline', () => run(process.execPath, ['pipeline.js']))
  step('holds the contract of stores, and needs no optional peer for it', () =>
    run(process.execPath, ['contract.js']),
  )
  step('installs nothing that only the command line needs', () => {
    const installed = JSON.parse(run('npm', ['ls', '--all', '--json'])) as Installed
    deepEqual([...new Set(namesIn(installed))].sort(), EXPECTED)
  })
  step('has a command, which runs a job, in the library that the job has', () => {
    run('npx', ['--no-install', 'rxkeeper', '--help'])
    const output = run('npx', [
      '--no-install',
      'rxkeeper',
      'process',
      'job.js',
      '-i',
      'users.csv',
      '-s',
      'memory:',
    ])
    equal(output, '["anna",1]\n["bo",1]\n["anna",2]\n')
  })
  step('serves the monitor with its charts', () => run(process.execPath, ['monitor.js']))
  step('has the licences of what it brings along', () => {
    const licences = readFileSync(join(project, 'node_modules/rxkeeper/dist/LICENSES.txt'), 'utf8')
    for (const name of ['ansi-regex', 'commander', 'uplot'])
      match(licences, new RegExp(`^${name} [\\d.]+$`, 'm'))
  })
  step('can be required', () => run(process.execPath, ['required.cjs']))

  install('--save-dev', asHere('@typescript/native'), asHere('@types/node'))
  const compile = (config: string): string =>
    run(process.execPath, ['node_modules/@typescript/native/bin/tsc', '-p', config])
  step('compiles in strict mode, its declarations included', () => compile('tsconfig.json'))

  install(...['lmdb', 'fast-check', '@opentelemetry/api'].map(asHere))
  step('compiles with the optional peers', () => compile('tsconfig.peers.json'))
  const clients = [
    '@nats-io/jetstream',
    '@nats-io/nats-core',
    '@nats-io/transport-node',
    'kafkajs',
    'ioredis',
  ]
  install(...clients.map(asHere))
  step('compiles with the clients of brokers', () => compile('tsconfig.brokers.json'))
  step('runs with the optional peers', () => run(process.execPath, ['peers.js']))
} finally {
  rmSync(project, { recursive: true, force: true })
}
