// `endless start` under s6-supervise, by the files that stand in examples/s6.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Shop } from './support/shop.js'
import { tool } from './support/tool.js'

const s6 = tool('s6-supervise', 's6') ?? ''
const why = s6 ? '' : ' (not installed: apt-get install s6)'

/** What is said by the service goes to s6's stdout; here to a file. */
const logged = (shop: Shop) => (text: string) =>
  text.replace('exec 2>&1', `exec >>'${shop.directory}/shop.log' 2>&1`)

async function supervised(release = '1'): Promise<{ shop: Shop; dir: string; log: () => string }> {
  const shop = await Shop.prepare()
  shop.unit.deploy(release)
  const dir = shop.copy('s6/shop', logged(shop))
  writeFileSync(join(dir, 'down'), '')
  shop.launch(s6, [dir])
  await shop.until(
    async () => (await shop.type(`s6-svok '${dir}'`)).code === 0 || undefined,
    's6-supervise',
  )
  return { shop, dir, log: () => readFileSync(join(shop.directory, 'shop.log'), 'utf8') }
}

describe.skipIf(!s6)(`s6${why}`, () => {
  test('s6-svwait -U returns when all workers serve, and not before', async () => {
    // It listens four seconds after its start.
    const { shop, dir } = await supervised('slow')
    expect((await shop.type(`s6-svc -wu -u '${dir}'`)).code).toBe(0)
    expect((await shop.type(`s6-svstat -o up,ready '${dir}'`)).stdout.trim()).toBe('true false')
    expect((await shop.type(`s6-svwait -U -t 30000 '${dir}'`)).code).toBe(0)
    expect((await shop.unit.answer()).release).toBe('slow')
    expect((await shop.type(`s6-svstat -o up,ready '${dir}'`)).stdout.trim()).toBe('true true')
  })

  test('s6-svc -h reloads: nothing is lost, and the pid stays; -d drains', async () => {
    const { shop, dir, log } = await supervised()
    expect((await shop.type(`s6-svc -wU -T 30000 -u '${dir}'`)).code).toBe(0)
    const { pid } = await shop.status()
    const before = await shop.pids()
    await shop.unnoticed(async () => {
      shop.unit.deploy('2')
      expect((await shop.type(`s6-svc -h '${dir}'`)).code).toBe(0)
      await shop.until(() => /Reloaded in/.test(log()) || undefined, 'the reload')
      await shop.gone(before)
    })
    expect((await shop.unit.answer()).release).toBe('2')
    expect((await shop.type(`s6-svstat -o pid '${dir}'`)).stdout.trim()).toBe(String(pid))
    const { reply } = await shop.unit.late(3_000)
    expect((await shop.type(`s6-svc -wD -T 30000 -d '${dir}'`)).code).toBe(0)
    expect((await reply).release).toBe('2')
    expect(log()).toContain('shop has ended with code 0')
  })
})
