// `primary.js app.js express`: two workers of node:cluster, and a reload on HUP, as people write it. The new
// ones first; when they listen, the old ones are disconnected, told to end, and killed when they do not.
import cluster from 'node:cluster'
import { once } from 'node:events'

const [exec, ...args] = process.argv.slice(2)
const count = 2
/** In ms, that of pm2. */
const killTimeout = 1_600

cluster.setupPrimary({ exec, args })

async function start() {
  const worker = cluster.fork()
  await once(worker, 'listening')
  return worker
}

function end(worker) {
  const late = setTimeout(() => worker.process.kill('SIGKILL'), killTimeout)
  worker.once('exit', () => clearTimeout(late))
  worker.disconnect()
  worker.process.kill('SIGTERM')
}

const startAll = () => Promise.all(Array.from({ length: count }, start))

let workers = await startAll()
process.on('SIGHUP', async () => {
  const old = workers
  workers = await startAll()
  for (const worker of old) end(worker)
})
process.once('SIGTERM', () => {
  for (const worker of workers) worker.process.kill('SIGKILL')
  process.exit()
})
console.log(`${count} workers listen`)
