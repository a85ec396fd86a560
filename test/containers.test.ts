// `endless start` in a container, which is a pid namespace: as pid 1, and under an init that is.
import { beforeEach, describe, expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { Container } from './support/container.js'
import { fixture } from './support/service.js'
import { tool } from './support/tool.js'

const tini = tool('tini')
const patient = { timeout: 15_000 }

const isContainer = process.platform === 'linux' && process.getuid?.() === 0

const inits: [name: string, isHere: boolean, words: readonly string[]][] = [
  [isContainer ? 'no init' : 'no init (needs root on Linux)', isContainer, []],
  [tini ? 'tini' : 'tini (not installed: .ci/tools)', isContainer && !!tini, [tini ?? '', '--']],
]

describe.each(inits)('%s as pid 1', (_, isHere, init) => {
  beforeEach(({ skip }) => skip(!isHere, 'see above'))

  test('reloads by docker exec, and by HUP, lose nothing; nobody stays behind as a zombie', async () => {
    await using container = await Container.start(init)
    const { fleet } = container
    const traffic = load({ target: { port: fleet.port }, connections: 16, thinkTime: [0, 20] })
    for (let n = 0; n < 3; n++) {
      await traffic.progress(20)
      const { code, stdout, stderr } = await container.exec('reload')
      expect(code, stdout + stderr).toBe(0)
    }
    const since = fleet.service.mark()
    container.signal('SIGHUP')
    for (const slot of ['0', '1']) await fleet.service.until({ event: 'slot', slot }, since)
    await expect.poll(() => fleet.service.stderr.match(/Reloaded in/g)?.length, patient).toBe(4)
    await traffic.progress(20)
    const { failed, reconnects, samples } = await traffic.stop()
    expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
    // One that crashes is replaced, and reaped.
    const crashed = request({ target: { port: fleet.port }, method: 'GET', url: '/exit?code=3' })
    await expect(crashed).rejects.toThrow()
    await fleet.service.untilStderr(/exited with code 3/)
    await expect.poll(() => container.zombies(), patient).toEqual([])
    expect(container.processes().find(({ pid }) => pid === 1)?.state).not.toBe('Z')
    container.signal('SIGTERM')
    expect(await container.ended()).toBe(0)
  })

  test('a stop answers what is in flight, within the grace period, and ends with 0', async () => {
    await using container = await Container.start(init)
    const { fleet } = container
    const traffic = load({ target: { port: fleet.port }, connections: 8, thinkTime: [0, 20] })
    await traffic.progress(20)
    const slow = request({ target: { port: fleet.port }, method: 'GET', url: '/late?ms=2500' })
    await traffic.progress(20)
    const { failed, samples } = await traffic.stop()
    expect(failed, samples.join('\n')).toBe(0)
    container.signal('SIGTERM')
    expect((await slow).status).toBe(200)
    expect(await container.ended()).toBe(0)
  })

  test('a stop that has to cut something ends with 1', async () => {
    await using container = await Container.start(init, { flags: ['--hammer-time', '500ms'] })
    const target = { port: container.fleet.port }
    const slow = request({ target, method: 'GET', url: '/late?ms=60000' })
    const cut = expect(slow).rejects.toThrow()
    await expect
      .poll(async () => (await container.fleet.status()).workers.map(({ inFlight }) => inFlight))
      .toContain(1)
    container.signal('SIGTERM')
    await cut
    expect(await container.ended()).toBe(1)
  })

  test('a stop before the app is ready is heard', async () => {
    await using container = await Container.start(init, {
      wait: false,
      control: { import: 'hang' },
    })
    await container.fleet.service.until({ event: 'stage', name: 'import', what: 'hang' })
    container.signal('SIGTERM')
    expect(await container.ended()).toBe(0)
  })

  test('an app that cannot start ends the container with its own code', async () => {
    await using container = await Container.start(init, {
      wait: false,
      control: { import: 'exit7' },
    })
    expect(await container.ended()).toBe(7)
  })

  test(`grandchildren of the app that end up here are ${init.length > 0 ? 'reaped' : 'left as zombies: that is what an init is for'}`, async () => {
    await using container = await Container.start(init, { script: fixture('orphans.js') })
    const target = { port: container.fleet.port }
    for (let n = 0; n < 3; n++) await request({ target, method: 'GET', url: '/orphan' })
    const sleepers = (): string[] =>
      container
        .processes()
        .filter(({ command }) => command === 'sleep')
        .map(({ state }) => state)
    const expected = init.length > 0 ? [] : ['Z', 'Z', 'Z']
    await expect.poll(sleepers, patient).toEqual(expected)
    container.signal('SIGTERM')
    expect(await container.ended()).toBe(0)
  })
})
