import { defineConfig } from 'vitest/config'

// Apart from the repository's: `npm run test:apps`.
export default defineConfig({
  test: {
    name: 'apps',
    dir: import.meta.dirname,
    include: ['*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
})
