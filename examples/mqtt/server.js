// An MQTT broker, by aedes: its clients do not notice a deploy.
import { createServer } from 'node:net'
import { upgrader } from '@endlessjs/core'
import { createBroker } from './broker.js'

// All at once: the shorter clients are in two processes, the less goes from the one to the other.
const up = upgrader({ pidFile: process.env.PID_FILE, slowStart: 0 })
const { broker, serve } = await createBroker(up)
// Who subscribes to it learns by whom it is served.
broker.publish({ topic: 'pid', payload: String(process.pid), retain: true }, () => {})

up.listen(createServer(serve), Number(process.env.PORT ?? 1_883))
await up.ready()
