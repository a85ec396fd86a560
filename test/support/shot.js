// `npm run shot`: the picture of the page in the README, docs/live.png, after some deploys; by Debian's Chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { launch } from 'puppeteer-core'

const root = resolve(import.meta.dirname, '../..')
const url = 'http://localhost:8000/'
const demo = spawn(process.execPath, [resolve(root, 'examples/live/main.js')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
for await (const line of createInterface({ input: demo.stdout })) if (line.includes(url)) break
demo.stdout.resume()

const browser = await launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
const tabs = [await browser.newPage(), await browser.newPage()]
for (const tab of tabs) {
  await tab.setViewport({ width: 1280, height: 800 })
  await tab.goto(url)
}
const [other, shown] = tabs
/** Until it shows one line more that begins so. */
const until = (start, count) =>
  shown.waitForFunction(
    `[...document.querySelectorAll('#log div')].filter((one) => one.textContent.startsWith('${start}')).length === ${count}`,
    { polling: 100 },
  )
const say = async (tab, text) => {
  await tab.bringToFront()
  await tab.type('input', text)
  await tab.keyboard.press('Enter')
}

const words = ['is anybody there?', 'still here, and you?', 'not a blink', 'deploying once more']
for (const [n, text] of words.entries()) {
  await say(n % 2 ? shown : other, text)
  await shown.bringToFront()
  await shown.click('#deploy')
  await until('Deployed', n + 1)
  await delay(2_500)
}
await shown.click('#broken')
await until('Refused', 1)
await say(other, 'and that one was refused')
await other.mouse.move(520, 600)
await shown.bringToFront()
await delay(4_000)
await shown.screenshot({ path: resolve(root, 'docs/live.png') })
await browser.close()
demo.kill('SIGTERM')
await once(demo, 'exit')
