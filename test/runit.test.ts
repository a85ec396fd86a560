// `endless start` under runsv, by the files that stand in examples/runit.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Shop } from './support/shop.js'
import { tool } from './support/tool.js'

const runsv = tool('runsv', 'runit') ?? ''
const why = runsv ? '' : ' (not installed: apt-get install runit)'

async function supervised(release = '1'): Promise<{ shop: Shop; dir: string; log: () => string }> {
  const shop = await Shop.prepare()
  shop.unit.deploy(release)
  const logged = (text: string): string =>
    text.replace('exec 2>&1', `exec >>'${shop.directory}/shop.log' 2>&1`)
  const dir = shop.copy('runit/shop', logged)
  writeFileSync(join(dir, 'down'), '')
  shop.launch(runsv, [dir])
  await shop.until(
    async () => /^down:/.test((await shop.type(`sv status '${dir}'`)).stdout) || undefined,
    'runsv',
  )
  return { shop, dir, log: () => readFileSync(join(shop.directory, 'shop.log'), 'utf8') }
}

describe.skipIf(!runsv)(`runit${why}`, () => {
  test('sv start returns when ./check has found that it serves', async () => {
    // It listens four seconds after its start.
    const { shop, dir } = await supervised('slow')
    const { code, stdout } = await shop.type(`sv -w 30 start '${dir}'`)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ok: run:/)])
    expect((await shop.unit.answer()).release).toBe('slow')
  })

  test('sv hup reloads: nothing is lost, and the pid stays; sv stop drains', async () => {
    const { shop, dir, log } = await supervised()
    expect((await shop.type(`sv -w 30 start '${dir}'`)).code).toBe(0)
    const { pid } = await shop.status()
    const before = await shop.pids()
    await shop.unnoticed(async () => {
      shop.unit.deploy('2')
      expect((await shop.type(`sv hup '${dir}'`)).code).toBe(0)
      await shop.until(() => /Reloaded in/.test(log()) || undefined, 'the reload')
      await shop.gone(before)
    })
    expect((await shop.unit.answer()).release).toBe('2')
    expect((await shop.type(`sv status '${dir}'`)).stdout).toContain(`(pid ${pid})`)
    const { reply } = await shop.unit.late(3_000)
    expect(await shop.type(`sv -w 30 stop '${dir}'`)).toMatchObject({ code: 0 })
    expect((await reply).release).toBe('2')
    expect(log()).toContain('shop has ended with code 0')
  })

  test('sv stop that does not wait long enough fails, and the drain goes on', async () => {
    const { shop, dir, log } = await supervised()
    expect((await shop.type(`sv -w 30 start '${dir}'`)).code).toBe(0)
    const { reply } = await shop.unit.late(4_000)
    const { code, stdout } = await shop.type(`sv -w 1 stop '${dir}'`)
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^timeout:/)])
    expect((await reply).release).toBe('1')
    await shop.until(() => /has ended with code 0/.test(log()) || undefined, 'its end')
  })
})
