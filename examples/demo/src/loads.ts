import type { Reply } from '@endlessjs/test/client'
import { Cannon } from './cannon.js'
import { strict } from './strict.js'
import type { Traffic } from './traffic.js'
import { Uploads } from './uploads.js'

/** As the server makes it, so that every byte can be compared. */
const blocks: Buffer = Buffer.concat(
  Array.from({ length: 32 }, (_, n) => Buffer.alloc(65_536, `block ${n} `)),
)

/** Starts every load there is. */
export function startLoads(port: number): readonly Traffic[] {
  const target = { port }
  return [
    new Cannon(port),
    strict('new connections', 400, {
      target,
      mode: 'new-connection',
      connections: 6,
      thinkTime: [5, 40],
      check: echoes,
    }),
    strict('keep-alive', 400, {
      target,
      mode: 'keep-alive',
      connections: 30,
      thinkTime: [20, 300],
      check: echoes,
    }),
    strict('slow requests', 10, {
      target,
      connections: 6,
      method: 'GET',
      url: (n) => `/slow?ms=${800 + ((n * 370) % 1_000)}`,
    }),
    new Uploads(port),
    strict('downloads', 8, {
      target,
      connections: 4,
      method: 'GET',
      url: '/download?mb=2',
      check: ({ body }) => (body.equals(blocks) ? undefined : 'other bytes than asked for'),
    }),
  ]
}

function echoes({ id, body }: Reply): string | undefined {
  const echo = JSON.parse(body.toString())
  const sent = JSON.stringify({ id }).length
  if (echo.id === id && echo.length === sent) return undefined
  return `${body} answers another request than ${id} with ${sent} bytes`
}
