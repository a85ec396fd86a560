// Which connections do not move, and what becomes of them.
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from './support/certificate.js'
import { ask, Crowd, tally } from './support/crowd.js'
import { endOf, startMoving, untilAdopted } from './support/moving.js'
import { get, type Raw } from './support/raw.js'
import { fixture, Service, temporaryDirectory } from './support/service.js'

test('those that the migrate option does not want drain; the status counts them', async () => {
  await using service = await startMoving()
  const [moving, staying] = [
    await Crowd.served(service.port(), 5),
    await Crowd.served(service.port(), 2),
  ]
  await staying.ask('/stay')
  const pid = Number((await service.hup()).successor)
  await untilAdopted(service, 5)
  const [first, second] = staying.members as [Raw, Raw]
  expect(await ask(first, '/status')).toMatchObject({
    close: true,
    pid: service.pid,
    body: { drain: { reason: 'upgraded', moved: 5, drained: 0, cut: 0 } },
  })
  expect(await ask(second)).toMatchObject({ close: true, pid: service.pid })
  expect(await endOf(service)).toEqual({ code: 0, moved: 5, drained: 2, cut: 0 })
  expect(tally(await moving.ask())).toEqual({ [pid]: 5 })
  moving.end()
  await service.stop()
})

test('one that makes the migrate option throw drains, and the reason is logged', async () => {
  await using service = await startMoving({ throw: true })
  const [moving, staying] = [
    await Crowd.served(service.port(), 5),
    await Crowd.served(service.port(), 1),
  ]
  await staying.ask('/stay')
  const pid = Number((await service.hup()).successor)
  await service.untilStderr(/The migrate option threw: that connection drains: boom in migrate/)
  expect(tally(await staying.ask())).toEqual({ [`${service.pid} close`]: 1 })
  expect(await endOf(service)).toEqual({ code: 0, moved: 5, drained: 1, cut: 0 })
  expect(tally(await moving.ask())).toEqual({ [pid]: 5 })
  moving.end()
  await service.stop()
})

describe('what is no plain HTTP/1 drains as before', () => {
  const env = { FRAMEWORK: 'http', KEEP_ALIVE: '30000' }
  const script = fixture('server.js')
  let tls: { readonly KEY: string; readonly CERT: string }
  let ca: Buffer

  beforeAll(() => {
    const { cert, certFile, keyFile } = makeCertificate(temporaryDirectory())
    ca = cert
    tls = { KEY: keyFile, CERT: certFile }
  })

  test('an upgraded one is cut, when the hammer falls', async () => {
    await using service = await Service.start({ script, options: { hammerTime: 800 }, env })
    const [idle, upgraded] = (await Crowd.open(service.port(), 2)).members as [Raw, Raw]
    await ask(idle, '/pid')
    upgraded.write(`${get('/').trimEnd()}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`)
    await upgraded.until((text) => text.includes('101 Switching'))
    const pid = Number((await service.hup()).successor)
    await upgraded.closed()
    expect(await endOf(service)).toEqual({ code: 1, moved: 1, drained: 0, cut: 1 })
    expect(await ask(idle, '/pid')).toMatchObject({ pid })
    idle.socket.destroy()
    await service.stop()
  })

  test('TLS: once more, with a farewell', async () => {
    await using service = await Service.start({ script, env: { ...env, ...tls } })
    const socket = connectTls({ port: service.port(), ca, servername: 'localhost' })
    await once(socket, 'secureConnect')
    socket.setEncoding('utf8').write(get('/pid'))
    await once(socket, 'data')
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    socket.write(get('/pid'))
    const [answer] = (await once(socket, 'data')) as [string]
    expect(answer).toMatch(/connection: close/i)
    expect(answer).toContain(`{"pid":${service.pid}`)
    expect(await endOf(service)).toEqual({ code: 0, moved: 0, drained: 1, cut: 0 })
    await service.stop()
  })

  test('HTTP/2: a GOAWAY', async () => {
    await using service = await Service.start({ script, env: { ...env, ...tls, HTTP2: '1' } })
    const session = connectHttp2(`https://localhost:${service.port()}`, { ca })
    await once(session, 'connect')
    const told = once(session, 'goaway')
    await service.hup()
    await told
    expect(await endOf(service)).toEqual({ code: 0, moved: 0, drained: 1, cut: 0 })
    await service.stop()
  })
})
