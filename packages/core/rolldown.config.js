// One file instead of eighty: every process of a service loads it before it can listen, a successor
// too. Types and source maps lead to the rooms.
import { defineConfig } from 'rolldown'

const from = (path) => new URL(path, import.meta.url).pathname

export default defineConfig({
  input: {
    index: from('src/index.ts'),
    app: from('src/app.ts'),
    testing: from('src/service/testing.ts'),
  },
  platform: 'node',
  external: /^node:/,
  output: { dir: from('dist'), format: 'esm', sourcemap: true, chunkFileNames: 'chunks/[name].js' },
})
