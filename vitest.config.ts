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
    globalSetup: 'test/setup/shared-server.ts',
    reporters: ['default', './test/setup/count-reporter.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
