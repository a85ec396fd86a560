// Loaded by Node before a test of somebody else's: every server that listens is attached, as an adapter would.
// With PEERS=bare it does the same and attaches none, so that both runs differ in nothing else.
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { upgrader } from '../../packages/core/dist/index.js'

const { PEERS, PEERS_COUNT } = process.env

// A worker thread has the process's upgrader not to itself.
if (PEERS === 'attached' && isMainThread)
  subscribe('tracing:net.server.listen:asyncStart', ({ server }) => {
    if (server.listening) return
    upgrader({ signals: false, logger: false }).attach(server, { autoReady: true })
    appendFileSync(PEERS_COUNT, '.')
  })
