import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['rxkeeper-source'] },
  ssr: { resolve: { conditions: ['rxkeeper-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
