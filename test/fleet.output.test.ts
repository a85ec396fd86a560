import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Loud } from './support/loud.js'
import { isAlive, rssOf } from './support/processes.js'

describe('with --prefix', () => {
  test('each line has its slot, however it comes', async () => {
    const loud = await Loud.start('-w', '2', '--prefix')
    const all = loud.read()
    // Within a letter, within a line, several at a time; one that never ends.
    const letters = Buffer.from('zw\u00f6lf \ud83d\ude80\n')
    const parts = [...letters].map((byte) => Buffer.from([byte]))
    const said = [
      [await loud.say('stdout', ...parts), letters.toString()],
      [await loud.say('stdout', Buffer.from('one\ntwo\n\nfo'), Buffer.from('ur\n')), 'four\n'],
    ]
    const slot = await loud.say('stderr', ...parts)
    await loud.untilStderr(new RegExp(`^\\[${slot}\\] ${letters}`, 'm'))
    await loud.ask(`/flood?lines=1000`)
    const open = await loud.say('stdout', Buffer.from('no end'), Buffer.from([0xf0, 0x9f]))
    await loud.stop()
    const text = (await all).toString()
    expect(text.split('\n').filter((line) => !/^\[[01]\] /.test(line))).toEqual([''])
    for (const [where, line] of said) expect(text).toContain(`[${where}] ${line}`)
    expect(text).toMatch(/^\[\d\] one\n\[\d\] two\n\[\d\] \n\[\d\] four\n/m)
    expect(text.match(/\] x{99}\n/g)).toHaveLength(1000)
    expect(text).toContain(`[${open}] no end\ufffd\n`)
  })

  test('a worker that prints a lot while nobody reads: nothing is lost, nothing is hoarded', async () => {
    const loud = await Loud.start('-w', '1', '--prefix')
    const lines = 400_000
    await loud.status()
    const before = rssOf(loud.pid)
    void loud.ask(`/flood?lines=${lines}`).catch(() => {})
    // It answers meanwhile, and does not hold what nobody takes.
    for (let n = 0; n < 10; n++) {
      await delay(100)
      expect((await loud.status()).state).toBe('serving')
    }
    expect(rssOf(loud.pid) - before).toBeLessThan(25 * 2 ** 20)
    let rest = ''
    let count = 0
    for await (const chunk of loud.child.stdout?.setEncoding('utf8') ?? []) {
      const found = (rest + chunk).split('\n')
      rest = found.pop() ?? ''
      count += found.filter((line) => /^\[0\] x{99}$/.test(line)).length
      if (count >= lines) break
    }
    expect((await loud.ask('/')).slot).toBe('0')
    await loud.stop()
  })
})

test('without --prefix what workers print is as they print it, byte by byte', async () => {
  const loud = await Loud.start('-w', '2', '--no-prefix')
  const all = loud.read()
  const bytes = [Buffer.from([0xff, 0xfe, 0x0a, 0xc3]), Buffer.from([0xa9]), Buffer.from('no end')]
  await loud.say('stdout', ...bytes)
  await loud.stop()
  expect(await all).toEqual(Buffer.concat(bytes))
})

describe.each(['--prefix', '--no-prefix'])('%s: readers that go away', (flag) => {
  test('take nobody with them', async () => {
    const loud = await Loud.start('-w', '2', flag)
    const before = await loud.pids()
    loud.child.stdout?.destroy()
    loud.child.stderr?.destroy()
    for (let n = 0; n < 4; n++) await loud.ask('/late?ms=50')
    expect(await loud.pids()).toEqual(before)
    await loud.ordered('reload')
    const after = await loud.pids()
    expect(after.filter((pid) => before.includes(pid) || !isAlive(pid))).toEqual([])
    for (let n = 0; n < 4; n++) await loud.ask('/late?ms=50')
    expect(await loud.pids()).toEqual(after)
    await loud.stop()
  })

  test('while a worker waits for them, it goes on', async () => {
    const loud = await Loud.start('-w', '1', flag)
    const before = await loud.pids()
    void loud.ask('/flood?lines=200000').catch(() => {})
    await delay(300)
    loud.child.stdout?.destroy()
    await loud.ask('/late?ms=50')
    expect(await loud.pids()).toEqual(before)
    await loud.stop()
  })

  test('with the supervisor, which is killed: what is in flight is answered', async () => {
    const loud = await Loud.start('-w', '2', flag)
    const pids = await loud.pids()
    const late = loud.ask('/late?ms=800')
    await delay(200)
    loud.child.stdout?.destroy()
    loud.child.stderr?.destroy()
    loud.child.kill('SIGKILL')
    expect(pids).toContain((await late).pid)
    // They are not our children: there is no event of it.
    for (let n = 0; pids.some(isAlive); n++) {
      expect(n).toBeLessThan(1_000)
      await delay(10)
    }
  })
})
