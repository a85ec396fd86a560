// A connection that a proxy keeps to the service, and that ends while a request is on its way down it.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { ReverseProxy } from './support/proxy.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'
import { tool } from './support/tool.js'

/** Node's own default, in ms. */
const KEEP_ALIVE = '5000'

const begin = (options: object): Promise<Service> =>
  Service.start({
    script: fixture('server.js'),
    env: { FRAMEWORK: 'http', KEEP_ALIVE },
    options,
  })

/** Whether a proxy has a connection to that port whose other end is closed, as the kernel has it. */
function isHalfClosed(port: number): boolean {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  return rows.some((row) => row.trim().split(/\s+/)[2] === remote && / 08 /.test(row))
}

/** A request whose answer has come, and one that the proxy has not read. */
async function ask(proxy: ReverseProxy): Promise<Raw> {
  const raw = await Raw.open(proxy.port)
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  expect(raw.text).toMatch(/^HTTP\/1.1 200 /)
  // It stands still for as long as it takes: what it reads first then is what came first.
  proxy.signal('SIGSTOP')
  raw.text = ''
  raw.write(get('/pid'))
  return raw
}

async function statusOf(raw: Raw): Promise<string | undefined> {
  await raw.until((text) => text.includes('\r\n\r\n'))
  return /^HTTP\/1.1 (\d+)/.exec(raw.text)?.[1]
}

const path = tool('nginx', 'nginx-light')

describe(path ? 'nginx' : 'nginx (not installed: .ci/tools)', () => {
  test.skipIf(!path)(
    'a request down a connection that Node ends just then is a 502, and with loadBalancerIdleTimeout it is answered',
    async () => {
      await using short = await begin({})
      await using long = await begin({ loadBalancerIdleTimeout: 60_000 })
      await using before = await ReverseProxy.nginx(path ?? '', { 8000: short.port() })
      await using after = await ReverseProxy.nginx(path ?? '', { 8000: long.port() })
      try {
        // Whoever asks first has waited for longer.
        const answered = await ask(after)
        const lost = await ask(before)
        // There is no event of it, so the condition is asked for.
        for (let n = 0; !isHalfClosed(short.port()); n++) {
          if (n > 1_000) throw new Error('Node keeps it')
          await delay(20)
        }
        expect(isHalfClosed(long.port())).toBe(false)
        for (const proxy of [before, after]) proxy.signal('SIGCONT')
        expect([await statusOf(lost), await statusOf(answered)]).toEqual(['502', '200'])
        expect(before.output).toMatch(/upstream prematurely closed connection/)
        expect(after.output).toBe('')
        for (const raw of [lost, answered]) raw.socket.destroy()
      } finally {
        // What stands still does not end.
        for (const proxy of [before, after]) proxy.signal('SIGCONT')
      }
      await Promise.all([short.stop(), long.stop()])
    },
  )
})
