import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { passOn } from './channel.js'

test('nothing is read from an end that is passed on, until it stays after all', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const near = connect(port, '127.0.0.1')
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ]
  try {
    near.resume()
    const passing = passOn(near)
    await new Promise<void>((sent) => far.write('for another process', () => sent()))
    // What would be read is read in the next turns; that nothing comes has no event.
    await delay(50)
    expect(near.bytesRead).toBe(0)
    const heard = once(near, 'data')
    passing.keep()
    expect(String((await heard)[0])).toBe('for another process')
  } finally {
    near.destroy()
    far.destroy()
    server.close()
  }
})
