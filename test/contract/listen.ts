import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { get, Raw } from '../support/raw.js'
import { temporaryDirectory } from '../support/service.js'
import { type Adapter, starter } from './adapter.js'

export function listens(adapter: Adapter): void {
  const start = starter(adapter)

  test('on port 0, which it keeps over upgrades', async () => {
    await using service = await start()
    const port = service.port()
    for (let n = 0; n < 2; n++) await service.upgrade()
    const ports = service.all({ event: 'listen' }).map((one) => one.address)
    expect(ports).toMatchObject([{ port }, { port }, { port }])
    expect(service.all({ event: 'listen' }).map((one) => one.from)).toEqual([
      'new',
      'predecessor',
      'predecessor',
    ])
    await service.stop()
  })

  test('on one address alone', async () => {
    await using service = await start({ env: { LISTEN: '0, "127.0.0.1"' } })
    await service.upgrade()
    const reply = await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
    expect(reply.status).toBe(200)
    const [first, second] = service.all({ event: 'listen' })
    expect(first?.address).toMatchObject({ address: '127.0.0.1' })
    expect(second).toMatchObject({ name: 'tcp:127.0.0.1:0', address: first?.address })
    await service.stop()
  })

  test('on a Unix socket, whose path is there all the time and gone at the end', async () => {
    const path = join(temporaryDirectory(), 'app.sock')
    await using service = await start({ env: { LISTEN: JSON.stringify(path) } })
    const fresh = load({
      target: { path },
      connections: 4,
      mode: 'new-connection',
      thinkTime: [0, 5],
    })
    for (let n = 0; n < 3; n++) {
      await fresh.progress(20)
      await service.upgrade()
      expect(existsSync(path)).toBe(true)
    }
    const { failed, samples } = await fresh.stop()
    expect(failed, samples.join('\n')).toBe(0)
    await service.stop()
    expect(existsSync(path)).toBe(false)
  })

  test('a connection that a load balancer keeps outlasts it, before and after an upgrade', async () => {
    await using service = await start({ options: { loadBalancerIdleTimeout: 90_000 } })
    const kept = await Raw.open(service.port())
    const ask = async (): Promise<string> => {
      kept.text = ''
      kept.write(get('/pid'))
      await kept.until((text) => text.endsWith('}'))
      return kept.text
    }
    expect(await ask()).toMatch(/^keep-alive: timeout=95\r$/im)
    const successor = await service.upgrade()
    const text = await ask()
    expect(text).toContain(`"pid":${successor}`)
    expect(text).toMatch(/^keep-alive: timeout=95\r$/im)
    kept.socket.destroy()
    await service.stop()
  })

  test('a port that is taken: the process ends, as it would without us', async () => {
    const foreign = createServer().listen(0)
    const { port } = foreign.address() as { port: number }
    await using service = await start({ env: { LISTEN: String(port) }, wait: false })
    expect((await service.exited).code).not.toBe(0)
    await service.ended
    expect(service.stderr).toContain('EADDRINUSE')
    foreign.close()
  })

  test('the pid file names who serves, and is gone at the end', async () => {
    const pidFile = join(temporaryDirectory(), 'app.pid')
    const named = (): number => Number(readFileSync(pidFile, 'utf8'))
    await using service = await start({ options: { pidFile } })
    expect(named()).toBe(service.pid)
    const successor = await service.upgrade()
    expect(named()).toBe(successor)
    service.control({ import: 'throw' })
    await service.hup()
    expect(named()).toBe(successor)
    await service.stop()
    expect(existsSync(pidFile)).toBe(false)
  })
}
