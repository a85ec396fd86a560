// Server-Sent Events over upgrades: no event is missed, and none comes twice.
import { endless, upgrader } from '@endlessjs/express'
import express from 'express'

// The events are the ticks of the wall clock, and their number is their id: one source that every
// generation shares, so a successor can say again what a predecessor said. Elsewhere that source is
// a table, a Redis stream, a Kafka topic: what matters is that the ids come from there, and not
// from a counter in this process.
const every = Number(process.env.TICK ?? 1_000)
const newest = () => Math.floor(Date.now() / every)
const eventOf = (id) => `id: ${id}\ndata: ${JSON.stringify({ tick: id, pid: process.pid })}\n\n`

// How far back a client may resume: an id is what anybody sends.
const kept = 10_000

const app = express()

app.get('/', (_req, res) => {
  res.json({ pid: process.pid })
})

app.get('/events', (req, res) => {
  res.set({
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // When the stream ends its connection ends: kept alive, the client would come back on it, to
    // the process that is on its way out.
    Connection: 'close',
  })
  // How soon a client comes back, in ms. The default of browsers is some seconds.
  res.write('retry: 50\n\n')

  // A client that comes back says what it had last, and gets what came since.
  const had = /^\d{1,15}$/.test(req.get('Last-Event-ID') ?? '')
  let last = had ? Math.max(Number(req.get('Last-Event-ID')), newest() - kept) : newest() - 1
  const send = () => {
    while (last < newest()) res.write(eventOf(++last))
  }
  send()

  // Read per request: the drainSignal of a generation that comes back from a drain is a new one.
  const { drainSignal } = upgrader()
  const end = () => res.end()
  // It may have begun already: requests on connections that were kept alive still come here.
  if (drainSignal.aborted) return end()
  drainSignal.addEventListener('abort', end)
  const timer = setInterval(send, every)
  res.on('close', () => {
    clearInterval(timer)
    drainSignal.removeEventListener('abort', end)
  })
})

endless(app, { pidFile: process.env.PID_FILE }).listen(Number(process.env.PORT ?? 8_000))
