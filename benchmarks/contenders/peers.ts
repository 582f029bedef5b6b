import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The folder of npm packages that are compared with but not installed with this package; see README.md there. */
export const PEERS_FOLDER = 'benchmarks/.peers'

/** Loads packages from {@link PEERS_FOLDER} of the current folder, or of the path in `RXKEEPER_BENCH_PEERS`. */
export const peersRequire = createRequire(
  `${process.env.RXKEEPER_BENCH_PEERS ?? `${process.cwd()}/${PEERS_FOLDER}`}/package.json`,
)

/** The folder of the programs in other languages. */
export const PROGRAMS_FOLDER =
  process.env.RXKEEPER_BENCH_PROGRAMS ?? fileURLToPath(new URL('.', import.meta.url))
