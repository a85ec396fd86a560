// The page that shows it, in a browser that nobody here wrote: Debian's Chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type Browser, launch, type Page } from 'puppeteer-core'
import { expect, onTestFinished, test } from 'vitest'
import { isLong } from './support/long.js'
import { temporaryDirectory } from './support/service.js'
import { tool } from './support/tool.js'

const chromium = tool('chromium')
const script = resolve(import.meta.dirname, '../examples/live/main.js')
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
  readonly lines: readonly string[]
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function startLive(): Promise<{ url: string; ended: () => Promise<unknown> }> {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port) }
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const ended = async (): Promise<unknown> => {
    child.kill('SIGTERM')
    return exited
  }
  onTestFinished(() => void ended())
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) if (line.includes(`http://localhost:${port}/`)) break
  child.stdout.resume()
  return { url: `http://localhost:${port}/`, ended }
}

async function startBrowser(): Promise<Browser> {
  const browser = await launch({
    executablePath: chromium ?? '',
    // Root has no sandbox.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    userDataDir: temporaryDirectory(),
  })
  onTestFinished(() => browser.close())
  return browser
}

/** In the page's own words. */
const shown = `(() => {
  const number = (id) => Number(document.getElementById(id).textContent.replaceAll(',', ''))
  const ids = ['answered', 'failed', 'reconnects', 'held', 'lost']
  const lines = [...document.querySelectorAll('#talk div')].map((one) => one.textContent)
  return { ...Object.fromEntries(ids.map((id) => [id, number(id)])), lines }
})()`

const shownIn = async (page: Page): Promise<Shown> => (await page.evaluate(shown)) as Shown

async function open(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage()
  await page.setViewport({ width: 1280, height: 800 })
  await page.goto(url)
  await expect.poll(async () => (await shownIn(page)).held, patient).toBe(1)
  // To see that it is the same one at the end.
  await page.evaluate('globalThis.first = socket')
  return page
}

async function say(page: Page, text: string): Promise<void> {
  await page.type('input', text)
  await page.keyboard.press('Enter')
}

const linesOf = (page: Page, start: string) => async (): Promise<string[]> =>
  (await shownIn(page)).lines.filter((line) => line.includes(start))

test.skipIf(!chromium)(
  'Chromium: deploys by the button, a broken release, and kill -9',
  async () => {
    const { url, ended } = await startLive()
    const browser = await startBrowser()
    const [first, second] = await Promise.all([open(browser, url), open(browser, url)])
    if (!first || !second) throw new Error('no tab')

    for (let n = 1; n <= deploys; n++) {
      await first.bringToFront()
      await first.click('#deploy')
      await say(first, `hello ${n} from the first`)
      await second.bringToFront()
      await say(second, `hello ${n} from the second`)
      await expect.poll(linesOf(first, 'Deployed'), patient).toHaveLength(n)
    }
    for (const page of [first, second]) {
      await expect.poll(async () => (await shownIn(page)).held, patient).toBe(deploys + 1)
      const { answered, failed, reconnects, lost, lines } = await shownIn(page)
      expect({ failed, reconnects, lost }).toEqual({ failed: 0, reconnects: 0, lost: 0 })
      expect(answered).toBeGreaterThan(100)
      const said = lines.filter((line) => line.includes('hello'))
      const all = Array.from({ length: deploys }, (_, n) => n + 1).flatMap((n) => [
        `hello ${n} from the first`,
        `hello ${n} from the second`,
      ])
      // Each once, whoever had it; without the name of who said it.
      expect(said.map((line) => line.replace(/^.*(?=hello)/, '')).sort()).toEqual(all.sort())
      expect(await page.evaluate('socket === globalThis.first && socket.readyState')).toBe(1)
    }

    // Chromium clicks in the tab that is seen alone.
    await first.bringToFront()
    await first.click('#broken')
    await expect.poll(linesOf(second, 'Refused'), patient).toHaveLength(1)
    const { held, failed, reconnects } = await shownIn(first)
    expect({ held, failed, reconnects }).toEqual({ held: deploys + 1, failed: 0, reconnects: 0 })

    await first.click('#kill')
    await expect.poll(linesOf(first, 'kill -9'), patient).toHaveLength(1)
    const before = (await shownIn(first)).answered
    await expect
      .poll(async () => (await shownIn(first)).answered, patient)
      .toBeGreaterThan(before + 50)
    const after = await shownIn(first)
    expect({ failed: after.failed, reconnects: after.reconnects }).toEqual({
      failed: 0,
      reconnects: 0,
    })
    await browser.close()
    expect(await ended()).toEqual([0, null])
  },
  180_000,
)
