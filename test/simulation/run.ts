import { spawn } from 'node:child_process'

/** Runs the simulation as `npm run simulate` does, of the sources in a folder, in a process of its own. */
export function run(
  folder: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const options = ['--conditions=rxkeeper-source', 'test/simulation/main.ts', ...args]
  const child = spawn('node_modules/.bin/tsx', options, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
