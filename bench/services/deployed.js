// One framework on endless, as users have it: `deployed.js fastify`.
import '@endlessjs/test/report'

const [framework] = process.argv.slice(2)
const { ours } = await import(`./frameworks/${framework}.js`)
await ours(() => ({ hello: 'world' }))
