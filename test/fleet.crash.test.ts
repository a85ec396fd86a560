import { describe, expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { Fleet } from './support/fleet.js'

describe('a worker that dies', () => {
  test('is replaced at once; whoever connects meanwhile waits, and is refused nothing', async () => {
    await using fleet = await Fleet.start()
    const target = { port: fleet.port }
    const flood = load({ target, connections: 20, mode: 'new-connection' })
    for (let n = 0; n < 3; n++) {
      await flood.progress(20)
      const [first = -1] = await fleet.pids()
      const since = fleet.service.mark()
      fleet.service.signal('SIGKILL', first)
      await fleet.service.until({ event: 'state', to: 'ready' }, since)
    }
    await flood.progress(20)
    const { failures, failed } = await flood.stop()
    expect(failures.refused).toBe(0)
    // Only those inside the dead ones.
    expect(failed).toBeLessThanOrEqual(3 * 20)
    expect(new Set(await fleet.pids()).size).toBe(2)
    expect((await fleet.status()).workers.map(({ restarts }) => restarts)).toEqual([3, 0])
    await fleet.stop()
  })

  test('all of them at once: the port stays', async () => {
    await using fleet = await Fleet.start()
    const since = fleet.service.mark()
    for (const pid of await fleet.pids()) fleet.service.signal('SIGKILL', pid)
    const { status } = await request({ target: { port: fleet.port }, timeout: 20_000 })
    expect(status).toBe(200)
    await fleet.service.until({ event: 'state', to: 'ready' }, since)
    await fleet.stop()
  })

  test('again and again ends the service with its code and its last words', async () => {
    await using fleet = await Fleet.start({ flags: ['--max-restarts', '2'] })
    fleet.service.control({ import: 'exit1' })
    const [first = -1] = await fleet.pids()
    fleet.service.signal('SIGKILL', first)
    expect(await fleet.service.exited).toEqual({ code: 1, signal: null })
    expect(fleet.service.stderr).toMatch(/Crashed more than 2 times in a row/)
    await fleet.service.ended
  })

  test('that hangs is killed and replaced', async () => {
    await using fleet = await Fleet.start({ flags: ['--hang-timeout', '1s'] })
    const [first = -1, second = -1] = await fleet.pids()
    const since = fleet.service.mark()
    fleet.service.signal('SIGSTOP', first)
    await fleet.service.until({ event: 'state', to: 'ready' }, since)
    const [third, other] = await fleet.pids()
    expect([third === first, other === second]).toEqual([false, true])
    await fleet.stop()
  })
})
