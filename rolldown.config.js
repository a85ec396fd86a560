// CommonJS, because every tool can load that: Jest, TypeScript's older resolutions, bundlers. One file
// instead of eighty modules, because every process of a service loads it before it can listen, a
// successor too. `import` gets a door to the same file: however often and whichever way a process asks
// for a package, it has it once. Types and source maps lead to the sources.
import { defineConfig } from 'rolldown'

/** The entries of each package, by their names in `dist`. */
const packages = {
  core: {
    index: 'index.ts',
    app: 'app.ts',
    testing: 'service/testing.ts',
    control: 'control/index.ts',
    fleet: 'fleet.ts',
    auto: 'service/auto.ts',
    take: 'service/take.ts',
    environment: 'service/environment.ts',
  },
  express: { index: 'index.ts' },
  koa: { index: 'index.ts' },
  fastify: { index: 'index.ts' },
  ws: { index: 'index.ts', inside: 'inside.ts' },
  'socket.io': { index: 'index.ts' },
  cli: { index: 'index.ts' },
}

/** No entries of the package: what another one loads when it needs it. */
const inner = ['take', 'environment']

/** What an adapter passes on as a whole. */
const passedOn = '@endlessjs/core/app'

/**
 * The doors. Name by name, and no `export *` of the CommonJS file: Node would have to guess from its
 * text what it passes on. `default` of it would be all of it, so that goes by its name as well.
 */
const doors = {
  name: 'doors',
  generateBundle(_, bundle) {
    for (const { isEntry, name, exports, imports } of Object.values(bundle)) {
      if (!isEntry || inner.includes(name)) continue
      const names = exports.map((one) => (one === 'default' ? 'endless as default' : one))
      const lines = [`export { ${names.join(', ')} } from './${name}.js'\n`]
      if (imports.includes(passedOn)) lines.push(`export * from '${passedOn}'\n`)
      this.emitFile({ type: 'asset', fileName: `${name}.mjs`, source: lines.join('') })
    }
  },
}

const from = (path) => new URL(path, import.meta.url).pathname

export default defineConfig(
  Object.entries(packages).map(([name, entries]) => ({
    input: Object.fromEntries(
      Object.entries(entries).map(([entry, file]) => [entry, from(`packages/${name}/src/${file}`)]),
    ),
    platform: 'node',
    external: /^[^./]/,
    treeshake: { moduleSideEffects: false },
    plugins: [doors],
    output: {
      dir: from(`packages/${name}/dist`),
      format: 'cjs',
      exports: 'named',
      esModule: true,
      sourcemap: true,
      chunkFileNames: 'chunks/[name].js',
    },
  })),
)
