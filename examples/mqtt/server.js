// An MQTT broker, by aedes: its clients do not notice a deploy.
import { createServer } from 'node:net'
import { upgrader } from '@endlessjs/core'
import { createBroker } from './broker.js'

const { broker, serve } = await createBroker()
// Who subscribes to it learns by whom it is served.
broker.publish({ topic: 'pid', payload: String(process.pid), retain: true }, () => {})

const up = upgrader({ pidFile: process.env.PID_FILE })
// MQTT 3.1.1 has no word for "go": at a stop its clients are closed, and come back to who serves next.
up.hook('onDrain', (reason) => reason === 'shutdown' && broker.close())
up.listen(createServer(serve), Number(process.env.PORT ?? 1_883))
await up.ready()
