// Loaded by Node before a test of somebody else's: every server that listens is attached, by the preload that
// people use. With PEERS=bare it counts none and attaches none, so that both runs differ in nothing else.
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const { PEERS, PEERS_COUNT } = process.env

// A worker thread has the process's upgrader not to itself.
if (PEERS === 'attached' && isMainThread) {
  process.env.ENDLESS_OPTIONS = '{"signals":false,"logger":false}'
  await import('../../packages/core/dist/auto.mjs')
  subscribe('tracing:net.server.listen:asyncStart', ({ server }) => {
    if (!server.listening) appendFileSync(PEERS_COUNT, '.')
  })
}
