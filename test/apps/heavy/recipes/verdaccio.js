// verdaccio.js
import { upgrader } from '@endlessjs/core'
import { runServer } from 'verdaccio'

// What the command `verdaccio` starts, without its handlers of INT, TERM and HUP.
const up = upgrader()
up.listen(await runServer(process.env.CONFIG ?? './config.yaml'), process.env.PORT ?? 4873)
await up.ready()
