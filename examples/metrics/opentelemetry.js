// The same for OpenTelemetry: instruments of the API alone. The SDK and its exporter are the app's, set up before
// this file is loaded, as in `node --import ./instrumentation.js`; without one this costs nothing.
import { endless, upgrader } from '@endlessjs/express'
import { metrics } from '@opentelemetry/api'
import express from 'express'

const meter = metrics.getMeter('endless')
const generation = meter.createObservableGauge('endless.generation')
const upgrades = meter.createObservableCounter('endless.upgrades')
const drained = meter.createObservableCounter('endless.drained_connections')
const connections = meter.createObservableGauge('endless.connections')
const inFlight = meter.createObservableGauge('endless.requests_in_flight')
const draining = meter.createObservableGauge('endless.draining_generations')

meter.addBatchObservableCallback(
  (result) => {
    const status = upgrader().status()
    const { total: _, ...kinds } = status.connections
    result.observe(generation, status.generation)
    for (const [outcome, count] of Object.entries(status.totals.upgrades))
      result.observe(upgrades, count, { outcome })
    for (const [end, count] of Object.entries(status.totals.connections))
      result.observe(drained, count, { end })
    for (const [kind, count] of Object.entries(kinds)) result.observe(connections, count, { kind })
    result.observe(inFlight, status.requests.length)
    result.observe(draining, status.draining.length)
  },
  [generation, upgrades, drained, connections, inFlight, draining],
)

const app = express()

app.get('/', (_req, res) => {
  res.json({ pid: process.pid })
})

endless(app, { pidFile: process.env.PID_FILE }).listen(Number(process.env.PORT ?? 8_000))
