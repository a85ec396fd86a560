import { expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'

test('a predecessor that stalls, then dies, while its successor gets ready: that serves', async () => {
  await using service = await Service.start({
    script: fixture('server.js'),
    control: {},
  })
  service.control({ beforeReady: 'wait' })
  const since = service.mark()
  service.signal('SIGHUP')
  const { pid } = await service.until({ event: 'stage', name: 'beforeReady', what: 'wait' }, since)
  service.signal('SIGSTOP', service.pid)
  // It gives its listeners back to a process that never reads them, and says that it is ready.
  service.control({})
  await service.until({ event: 'stage', name: 'listening', pid }, since)
  service.signal('SIGKILL', service.pid)
  await service.until({ event: 'state', to: 'ready', pid }, since)
  const target = { port: service.port() }
  expect((await request({ target, method: 'GET', url: '/pid' })).status).toBe(200)
  // It can still do for its own successor what was not done for it.
  const raw = await Raw.open(service.port())
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  const successor = await service.upgrade()
  expect(service.all({ event: 'drain', phase: 'end', pid })).toMatchObject([{ moved: 1 }])
  raw.text = ''
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  expect(raw.text).toContain(`{"pid":${successor}`)
  await service.stop()
})
