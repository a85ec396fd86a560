// An Express 5 app that is deployed without losing a request: see README.md beside this file.
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { endless } from '@endlessjs/express'
import express from 'express'

// Read at start, from the directory of this release: a new release says another version.
const version = readFileSync(new URL('VERSION', import.meta.url), 'utf8').trim()

const app = express()

// Every response says which release has answered it.
app.use((_req, res, next) => {
  res.set('x-version', version)
  next()
})

app.get('/', (_req, res) => {
  res.json({ pid: process.pid, version, uptime: process.uptime() })
})

app.post('/', express.raw({ type: () => true }), (req, res) => {
  res.json({
    pid: process.pid,
    version,
    id: req.get('x-request-id'),
    length: req.body?.length ?? 0,
  })
})

// A request that is still being answered when the upgrade comes: this process stays for it.
app.get('/slow', async (req, res) => {
  await delay(Number(req.query.ms ?? 1_000))
  res.json({ pid: process.pid, version })
})

// A body that is still coming in when the upgrade comes: the same.
app.post('/upload', async (req, res) => {
  let bytes = 0
  for await (const chunk of req) bytes += chunk.length
  res.json({ pid: process.pid, version, bytes })
})

// 64 KiB at a time, and not too fast. `pipeline` waits for a client that reads more slowly still.
const blockSize = 65_536
const blockEvery = 50

app.get('/download', async (req, res) => {
  const blocks = Number(req.query.mb ?? 2) * 16
  async function* content() {
    for (let n = 0; n < blocks; n++) {
      yield Buffer.alloc(blockSize, `block ${n} `)
      await delay(blockEvery)
    }
  }
  res.set({ 'Content-Type': 'application/octet-stream', 'Content-Length': blocks * blockSize })
  // Without a catch a client that goes away would be logged as an error of ours.
  await pipeline(Readable.from(content()), res).catch(() => {})
})

// This is all there is to it: wrap the app, then listen as ever.
endless(app, {
  // A deploy reads it to find whom to signal; it always names the newest process that serves.
  pidFile: process.env.PID_FILE,
  // How long an old process may take over the requests it still has.
  hammerTime: 30_000,
}).listen(Number(process.env.PORT ?? 8_000))
