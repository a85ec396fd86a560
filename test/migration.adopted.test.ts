// What the successor gives a connection that it did not accept.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ask, Crowd, tally } from './support/crowd.js'
import { startMoving } from './support/moving.js'
import { get, Raw } from './support/raw.js'
import { temporaryDirectory } from './support/service.js'

test('it is announced, counted and known as one that was accepted', async () => {
  await using service = await startMoving({ server: { maxConnections: 20 } })
  const crowd = await Crowd.served(service.port(), 20)
  const pid = await service.upgrade()
  const answers = await crowd.ask()
  expect(answers.map((one) => one?.body)).toEqual(
    crowd.members.map(({ socket: { localPort: port } }) => ({
      ...{ pid, port, address: '127.0.0.1' },
      ...{ announced: true, own: true },
    })),
  )
  const [first, second] = crowd.members as [Raw, Raw]
  expect((await ask(first, '/count'))?.body).toEqual({ pid, open: 20, accepted: 20 })
  expect((await ask(first, '/status'))?.body).toMatchObject({ adopted: 20 })
  // One too many; when another has ended, there is room.
  await (await Raw.open(service.port())).closed()
  second.socket.destroy()
  while (Number((await ask(first, '/count'))?.body.open) === 20);
  const fresh = await Raw.open(service.port())
  expect((await ask(fresh, '/count'))?.body).toEqual({ pid, open: 20, accepted: 21 })
  fresh.socket.destroy()
  crowd.end()
  await service.stop()
})

test('maxRequestsPerSocket counts on over the moves', async () => {
  await using service = await startMoving({ server: { maxRequestsPerSocket: 5 } })
  const raw = await Raw.open(service.port())
  for (const requests of [2, 2]) {
    for (let n = 0; n < requests; n++) expect(await ask(raw)).toMatchObject({ close: false })
    await service.upgrade()
  }
  expect(await ask(raw)).toMatchObject({ pid: service.current, close: true })
  raw.text = ''
  raw.write(get('/'))
  await raw.until((text) => text.includes('\r\n\r\n'))
  expect(raw.text).toMatch(/^HTTP\/1\.1 503 /)
  raw.socket.destroy()
  await service.stop()
})

test('an idle one is not late with a head; half a head is', async () => {
  const headersTimeout = 400
  const server = { headersTimeout, connectionsCheckingInterval: 50 }
  await using service = await startMoving({ server })
  const crowd = await Crowd.served(service.port(), 3)
  const pid = await service.upgrade()
  const [adopted] = crowd.members as [Raw]
  adopted.text = ''
  const since = performance.now()
  adopted.write('GET / HTTP/1.1\r\nHo')
  await adopted.closed()
  expect(adopted.text).toMatch(/^HTTP\/1.1 408 /)
  expect(performance.now() - since).toBeGreaterThanOrEqual(headersTimeout - 10)
  expect(tally(await crowd.ask())).toEqual({ closed: 1, [pid]: 2 })
  // Also when that time has passed once more since they were asked.
  const fresh = await Raw.open(service.port())
  fresh.write('GET / HTTP/1.1\r\nHo')
  await fresh.closed()
  expect(tally(await crowd.ask())).toEqual({ closed: 1, [pid]: 2 })
  crowd.end()
  await service.stop()
})

test('closeIdleConnections() of the successor ends those that are idle', async () => {
  await using service = await startMoving()
  const crowd = await Crowd.served(service.port(), 5)
  const silent = await Crowd.open(service.port(), 2)
  const pid = await service.upgrade()
  const [first, ...others] = crowd.members as [Raw, ...Raw[]]
  expect(await ask(first, '/close')).toMatchObject({ pid })
  for (const one of others) await one.closed()
  // As with those that were accepted: one without a request is idle to Node 26, and was not before.
  const major = Number(process.versions.node.split('.')[0])
  expect(tally(await silent.ask())).toEqual(major >= 26 ? { closed: 2 } : { [pid]: 2 })
  for (const one of [crowd, silent]) one.end()
  await service.stop()
})

test('on a Unix socket they move, too', async () => {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'app.sock')
  await using service = await startMoving({ listen: [[path]] })
  const crowd = await Crowd.served(path, 20)
  for (let n = 0; n < 3; n++) {
    const pid = await service.upgrade()
    expect(tally(await crowd.ask())).toEqual({ [pid]: 20 })
  }
  crowd.end()
  await service.stop()
})
