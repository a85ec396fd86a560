// Upgrades on a dashboard: what Prometheus gets from prom-client. Counters go on over the generations, each of
// which is a new process, because `status().totals` does.
import { endless, upgrader } from '@endlessjs/express'
import express from 'express'
import { Counter, Gauge, register } from 'prom-client'

const status = () => upgrader().status()

new Gauge({
  name: 'endless_generation',
  help: 'Generation of this process: 0 for the first, one more at each upgrade.',
  collect() {
    this.set(status().generation)
  },
})

new Counter({
  name: 'endless_upgrades_total',
  help: 'Upgrades since generation 0 was started, by outcome.',
  labelNames: ['outcome'],
  collect() {
    this.reset()
    for (const [outcome, count] of Object.entries(status().totals.upgrades))
      this.inc({ outcome }, count)
  },
})

new Counter({
  name: 'endless_drained_connections_total',
  help: 'Connections of generations that drained: moved to the next one, ended by themselves, cut by the hammer.',
  labelNames: ['end'],
  collect() {
    this.reset()
    for (const [end, count] of Object.entries(status().totals.connections)) this.inc({ end }, count)
  },
})

new Gauge({
  name: 'endless_connections',
  help: 'Open connections, by what they are at.',
  labelNames: ['kind'],
  collect() {
    const { total: _, ...kinds } = status().connections
    for (const [kind, count] of Object.entries(kinds)) this.set({ kind }, count)
  },
})

new Gauge({
  name: 'endless_requests_in_flight',
  help: 'Requests that are being answered.',
  collect() {
    this.set(upgrader().inFlight)
  },
})

new Gauge({
  name: 'endless_draining_generations',
  help: 'Generations before this one that still drain: one that stays for long is held by somebody.',
  collect() {
    this.set(status().draining.length)
  },
})

const app = express()

app.get('/', (_req, res) => {
  res.json({ pid: process.pid })
})

app.get('/metrics', async (_req, res) => {
  res.type(register.contentType).send(await register.metrics())
})

endless(app, { pidFile: process.env.PID_FILE }).listen(Number(process.env.PORT ?? 8_000))
