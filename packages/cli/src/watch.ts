import { setTimeout as delay } from 'node:timers/promises'
import type { Output } from './output.js'

const interval = 1_000
const home = '\u001b[H'
const clearScreen = '\u001b[2J'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/**
 * Says it again each second, until Ctrl-C or until nobody reads: on a terminal in place, and never more
 * than that shows; elsewhere one after the other.
 */
export async function watch(output: Output, text: () => Promise<string>): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  for (const signal of signals) process.once(signal, end)
  const signal = AbortSignal.any([ended.signal, output.closed])
  try {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const said = await text()
      if (signal.aborted) break
      if (output.isTerminal && !output.json) draw(output, said, isFirst)
      else output.line(isFirst || output.json ? said : `\n${said}`)
      // It rejects when that ends: then it is over.
      await delay(interval, undefined, { signal }).catch(() => {})
    }
  } finally {
    for (const one of signals) process.off(one, end)
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const

/** Over what was there, rather than clear it first: that would flicker. */
function draw(output: Output, text: string, isFirst: boolean): void {
  const lines = text.split('\n')
  const room = Math.max(1, output.rows - 1)
  const shown =
    lines.length > room
      ? [...lines.slice(0, room - 1), `... ${lines.length - room + 1} lines more`]
      : lines
  const body = shown.map((line) => `${line}${clearLine}\n`).join('')
  output.write(`${isFirst ? clearScreen : ''}${home}${body}${clearBelow}`)
}
