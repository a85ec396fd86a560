// The page that shows it, in a browser that nobody here wrote: Debian's Chromium.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, launch, type Page } from 'puppeteer-core'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Live, startLive } from './support/live.js'
import { isLong } from './support/long.js'
import { isAlive } from './support/processes.js'
import { temporaryDirectory } from './support/service.js'
import { tool } from './support/tool.js'

const chromium = tool('chromium')
/** Ten of them by `npm run test:long`. */
const deploys = isLong ? 10 : 2
const patient = { timeout: 30_000, interval: 20 }

/** What a tab shows. */
interface Shown {
  readonly answered: number
  readonly failed: number
  readonly reconnects: number
  readonly held: number
  readonly lost: number
  /** Of the chat. */
  readonly talk: readonly string[]
  /** Of the supervisor. */
  readonly log: readonly string[]
}

async function startBrowser(): Promise<Browser> {
  const userDataDir = temporaryDirectory()
  const browser = await launch({
    executablePath: chromium ?? '',
    // Root has no sandbox.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    userDataDir,
  })
  onTestFinished(async () => {
    await browser.close()
    rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5 })
  })
  return browser
}

/** In the page's own words. */
const shown = `(() => {
  const number = (id) => Number(document.getElementById(id).textContent.replaceAll(',', ''))
  const lines = (id) => [...document.querySelectorAll('#' + id + ' div')].map((one) => one.textContent)
  const numbers = ['answered', 'failed', 'reconnects', 'held', 'lost'].map((id) => [id, number(id)])
  return { ...Object.fromEntries(numbers), talk: lines('talk'), log: lines('log') }
})()`

const shownIn = async (page: Page): Promise<Shown> => (await page.evaluate(shown)) as Shown

const holderOf = async (page: Page): Promise<number> => Number(await page.evaluate('mine'))

/** Whether it has the socket still that it had first. */
const keptSocket = (page: Page): Promise<unknown> =>
  page.evaluate('socket === globalThis.first && socket.readyState === 1')

async function open(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage()
  await page.setViewport({ width: 1280, height: 800 })
  await page.goto(url)
  await expect.poll(async () => (await shownIn(page)).held, patient).toBe(1)
  // To see that it is the same one at the end.
  await page.evaluate('globalThis.first = socket')
  return page
}

/** A tab of each worker: the kernel chooses which one accepts. */
async function openOnBoth(browser: Browser, url: string): Promise<[Page, Page]> {
  const first = await open(browser, url)
  const holder = await holderOf(first)
  for (;;) {
    const second = await open(browser, url)
    if ((await holderOf(second)) !== holder) return [first, second]
    await second.close()
  }
}

/** Chromium takes clicks and keys in the tab that is seen. */
async function say(page: Page, text: string): Promise<void> {
  await page.bringToFront()
  await page.type('input', text)
  await page.keyboard.press('Enter')
}

async function click(page: Page, button: string): Promise<void> {
  await page.bringToFront()
  await page.click(button)
}

const logOf = (page: Page, start: string) => async (): Promise<string[]> =>
  (await shownIn(page)).log.filter((line) => line.startsWith(start))

/** Without the name of who said it. */
const heardIn = (page: Page) => async (): Promise<string[]> =>
  (await shownIn(page)).talk.map((line) => line.replace(/^.*(?=hello)/, '')).sort()

/** So many requests more are answered. */
async function answersGoOn(page: Page, count: number): Promise<void> {
  const { answered } = await shownIn(page)
  await expect
    .poll(async () => (await shownIn(page)).answered, patient)
    .toBeGreaterThanOrEqual(answered + count)
}

async function deployOften([first, second]: [Page, Page], live: Live): Promise<string[]> {
  const said: string[] = []
  let pids = await live.pids()
  for (let n = 1; n <= deploys; n++) {
    await answersGoOn(first, 10)
    await click(first, '#deploy')
    said.push(`hello ${n} from the first`, `hello ${n} from the second`)
    await say(first, `hello ${n} from the first`)
    await say(second, `hello ${n} from the second`)
    await expect.poll(logOf(first, 'Deployed'), patient).toHaveLength(n)
    await answersGoOn(first, 10)
    for (const page of [first, second])
      await expect.poll(async () => (await shownIn(page)).held, patient).toBe(n + 1)
    const [before, now] = [pids, await live.pids()]
    expect(now[0]).toBe(before[0])
    expect(now).toHaveLength(3)
    for (const pid of now.slice(1)) expect(before).not.toContain(pid)
    expect(now).toEqual(expect.arrayContaining([await holderOf(first), await holderOf(second)]))
    pids = now
  }
  return said.sort()
}

test.skipIf(!chromium)(
  'Chromium: deploys by the button, a broken release, and kill -9',
  async () => {
    const live = await startLive()
    const browser = await startBrowser()
    const tabs = await openOnBoth(browser, live.url)
    const [first, second] = tabs

    const said = await deployOften(tabs, live)
    for (const page of tabs) {
      // Each once, whoever had it.
      await expect.poll(heardIn(page), patient).toEqual(said)
      expect(await logOf(page, 'worker 0: serving')()).toHaveLength(deploys)
      expect(await shownIn(page)).toMatchObject({ failed: 0, reconnects: 0, lost: 0 })
      expect(await keptSocket(page)).toBe(true)
    }

    const serving = await live.pids()
    await click(first, '#broken')
    await expect.poll(logOf(second, 'Refused: successor'), patient).toHaveLength(1)
    await answersGoOn(first, 20)
    expect(await live.pids()).toEqual(serving)
    const untouched = { failed: 0, reconnects: 0, lost: 0, held: deploys + 1 }
    for (const page of tabs) expect(await shownIn(page)).toMatchObject(untouched)

    const holders = new Map([
      [await holderOf(first), first],
      [await holderOf(second), second],
    ])
    expect(holders.size).toBe(2)
    await click(first, '#kill')
    await expect.poll(logOf(first, 'kill -9'), patient).toHaveLength(1)
    const [line = ''] = await logOf(first, 'kill -9')()
    const killed = Number(/^kill -9 (\d+)/.exec(line)?.[1])
    const hurt = holders.get(killed)
    if (!hurt) throw new Error(`nobody was at ${killed}`)
    const spared = hurt === first ? second : first
    await expect.poll(async () => (await shownIn(hurt)).held, patient).toBe(deploys + 2)
    expect((await shownIn(hurt)).lost).toBeGreaterThan(0)
    expect(await keptSocket(hurt)).toBe(false)
    await answersGoOn(first, 50)
    expect(await keptSocket(spared)).toBe(true)
    await expect.poll(() => live.pids(), patient).toHaveLength(3)
    expect(await live.pids()).not.toContain(killed)
    await say(hurt, 'hello again')
    for (const page of tabs) {
      await expect.poll(heardIn(page), patient).toEqual(['hello again', ...said].sort())
      expect(await shownIn(page)).toMatchObject({ failed: 0, reconnects: 0 })
    }

    await browser.close()
    expect(await live.end()).toEqual([0, null])
  },
  180_000,
)

test.each<NodeJS.Signals>(['SIGINT', 'SIGHUP', 'SIGTERM'])(
  '%s of its terminal ends all that it started, in order',
  async (signal) => {
    const live = await startLive()
    const pids = await live.pids()
    expect(pids).toHaveLength(3)
    expect(await live.end(signal)).toEqual([0, null])
    expect(pids.filter(isAlive)).toEqual([])
    expect(live.left()).toEqual([])
  },
)

test('a tab can deploy and kill, and nothing else', async () => {
  const live = await startLive()
  const pids = await live.pids()
  const press = async (button: string): Promise<string> => {
    const response = await fetch(`${live.url}${button}`, { method: 'POST' })
    return ((await response.json()) as { text: string }).text
  }

  // One refuses the other, and is refused for what it is.
  const both = await Promise.all([press('broken'), press('broken')])
  expect(both.sort()).toEqual([
    'Refused: another deploy is under way',
    expect.stringMatching(/^Refused: successor \d+ exited with code 1/),
  ])
  expect(await live.pids()).toEqual(pids)

  const socket = new WebSocket(`ws://localhost:${live.port}/live`)
  await once(socket, 'open')
  const echo = new Promise((done) => {
    socket.on('message', (data) => String(data).includes('still') && done(true))
  })
  for (const message of ['no JSON', 'null', '{"type":"chat","text":"still here"}'])
    socket.send(message)
  expect(await echo).toBe(true)
  socket.terminate()
  expect(await live.pids()).toEqual(pids)

  // Left behind by one that was killed in the midst of it.
  const gone = spawnSync(process.execPath, ['--version']).pid
  symlinkSync(`broken:${gone}`, join(live.directory, live.left()[0] ?? '', 'deploying'))
  expect(await press('deploy')).toMatch(/^Deployed/)
})
