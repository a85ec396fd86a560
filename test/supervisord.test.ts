// `endless start` under Debian's supervisord, by the file that stands in examples/supervisord.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Shop } from './support/shop.js'
import { tool } from './support/tool.js'

const supervisord = tool('supervisord', 'supervisor') ?? ''
const why = supervisord ? '' : ' (not installed: apt-get install supervisor)'

/** The service, and supervisorctl. */
class Supervisord {
  readonly shop: Shop
  readonly #file: string

  private constructor(shop: Shop, file: string) {
    this.shop = shop
    this.#file = file
  }

  /** @param change what is different from the example */
  static async start(
    change: (text: string) => string = (text) => text,
    release = '1',
  ): Promise<Supervisord> {
    const shop = await Shop.prepare()
    shop.unit.deploy(release)
    const { directory } = shop
    const at = (name: string): string => join(directory, name)
    // It has to be there for as long before it is taken for started.
    const quick = (text: string): string => change(text.replace('startsecs=5', 'startsecs=2'))
    writeFileSync(at('shop.conf'), shop.example('supervisord/shop.conf', quick))
    const main = `[supervisord]
nodaemon=true
user=root
logfile=${at('supervisord.log')}
pidfile=${at('supervisord.pid')}
childlogdir=${directory}
[unix_http_server]
file=${at('run/supervisor.sock')}
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${at('run/supervisor.sock')}
[include]
files=${at('shop.conf')}
`
    const file = at('supervisord.conf')
    writeFileSync(file, main)
    shop.launch(supervisord, ['-n', '-c', file])
    const one = new Supervisord(shop, file)
    await one.until(/shop +(RUNNING|BACKOFF|FATAL)/)
    return one
  }

  /** `supervisorctl`, and what it says. */
  async ctl(words: string): Promise<string> {
    const { stdout, stderr } = await this.shop.type(`supervisorctl -c '${this.#file}' ${words}`)
    return stdout + stderr
  }

  /** Settles when its status is like that. */
  until(text: RegExp): Promise<RegExpExecArray> {
    return this.shop.until(
      async () => text.exec(await this.ctl('status shop')) ?? undefined,
      String(text),
    )
  }

  /** Of the service, as supervisord has it. */
  async pid(): Promise<number> {
    return Number((await this.until(/RUNNING +pid (\d+)/))[1])
  }

  get log(): string {
    return readFileSync(join(this.shop.directory, 'shop.log'), 'utf8')
  }
}

describe.skipIf(!supervisord)(`supervisord${why}`, () => {
  test('supervisorctl signal HUP reloads: nothing is lost, and it is RUNNING with the same pid', async () => {
    const one = await Supervisord.start()
    const { shop } = one
    const pid = await one.pid()
    const before = await shop.pids()
    await shop.unnoticed(async () => {
      shop.unit.deploy('2')
      expect(await one.ctl('signal HUP shop')).toContain('shop: signalled')
      await shop.until(() => /Reloaded in/.test(one.log) || undefined, 'the reload')
      await shop.gone(before)
    })
    expect((await shop.unit.answer()).release).toBe('2')
    expect((await shop.pids()).filter((worker) => before.includes(worker))).toEqual([])
    expect([await one.pid(), (await shop.status()).pid]).toEqual([pid, pid])
  })

  test('endless reload beside it: 0 when the release serves, 1 where it cannot, and the old one stays', async () => {
    const one = await Supervisord.start()
    const { shop } = one
    const pid = await one.pid()
    await shop.unnoticed(async () => {
      shop.unit.deploy('2')
      expect(await shop.endless('reload')).toMatchObject({ code: 0 })
      shop.unit.deploy('throws')
      const { code, stdout, stderr } = await shop.endless('reload')
      expect(code).toBe(1)
      expect(stdout + stderr).toContain('boom at boot')
    })
    expect((await shop.unit.answer()).release).toBe('2')
    expect(await one.pid()).toBe(pid)
  })

  test('stop drains: what is in flight for seconds is answered within stopwaitsecs', async () => {
    const one = await Supervisord.start()
    const { shop } = one
    const { reply } = await shop.unit.late(3_000)
    expect(await one.ctl('stop shop')).toContain('shop: stopped')
    expect((await reply).release).toBe('1')
    expect(await one.ctl('status shop')).toContain('STOPPED')
    expect(one.log).toContain('shop has ended with code 0')
  })

  test('a stopwaitsecs that is too short cuts it, and killasgroup leaves nothing behind', async () => {
    const one = await Supervisord.start((text) =>
      text.replace(/stopwaitsecs=\d+/, 'stopwaitsecs=1'),
    )
    const { shop } = one
    const pids = [await one.pid(), ...(await shop.pids())]
    const { reply } = await shop.unit.late(10_000)
    const cut = expect(reply).rejects.toThrow()
    await one.ctl('stop shop')
    await cut
    await shop.gone(pids)
    expect(one.log).not.toContain('has ended with code')
  })

  test('stopasgroup: TERM reaches the workers as well, and is the same stop, in order', async () => {
    const one = await Supervisord.start((text) =>
      text.replace('stopasgroup=false', 'stopasgroup=true'),
    )
    const { shop } = one
    const { reply } = await shop.unit.late(3_000)
    expect(await one.ctl('stop shop')).toContain('shop: stopped')
    expect((await reply).release).toBe('1')
    expect(one.log).toContain('shop has ended with code 0')
  })

  test('the supervisor is killed: supervisord starts it again, and the old workers have left', async () => {
    const one = await Supervisord.start()
    const { shop } = one
    const pid = await one.pid()
    const workers = await shop.pids()
    process.kill(pid, 'SIGKILL')
    await shop.gone([pid, ...workers])
    await shop.until(async () => ((await one.pid()) !== pid ? true : undefined), 'another pid')
    const status = await shop.serves()
    expect(status.pid).toBe(await one.pid())
    expect(workers).not.toContain((await shop.unit.answer()).pid)
  })

  test('an app that cannot start: BACKOFF, then FATAL, and the reason is in the log', async () => {
    // It must not be taken for started on a machine on which its failure takes long.
    const one = await Supervisord.start(
      (text) =>
        text.replace('startsecs=2', 'startsecs=15').replace('startretries=3', 'startretries=1'),
      'throws',
    )
    await one.until(/FATAL +Exited too quickly/)
    expect(one.log).toMatch(/boom at boot/)
    expect(one.log).toMatch(/shop has ended with code 1/)
  })
})
