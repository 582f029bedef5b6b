import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = fileURLToPath(new URL('./src', import.meta.url))

export default defineConfig({
  resolve: {
    // The package by its own name, from its source.
    alias: [
      { find: /^rxkeeper$/, replacement: `${src}/index.ts` },
      { find: /^rxkeeper\/([\w/]+)$/, replacement: `${src}/$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // For the servers that tests start: most live for seconds, not worth the optimising compiler.
    env: { JDK_JAVA_OPTIONS: '-XX:TieredStopAtLevel=1' },
    globalSetup: 'test/setup/shared-server.ts',
    reporters: ['default', './test/setup/count-reporter.ts'],
    // Much of the time is waiting; vitest's own choice leaves a core without work, one of two on small machines.
    maxWorkers: availableParallelism(),
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
