import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import { type Load, load, type Mode, type Reply, request } from './client/index.js'
import { root } from './example.js'
import { upgrades } from './lossless.js'
import { get, Raw } from './raw.js'
import { fixture, Service, type StartOptions } from './service.js'

/** The blocks of docs/recipes.md, by the file that their first line names. */
export const blocks: ReadonlyMap<string, string> = new Map(
  [...readFileSync(join(root, 'docs/recipes.md'), 'utf8').matchAll(/```js\n(.*?)```/gs)].map(
    ([, text = '']) => [/^\/\/ (\S+)/.exec(text)?.[1] ?? text, text],
  ),
)

/** Starts an app as it stands in the docs, on a free port; modules that Node loads before it report. */
export function startRecipe(
  script: string,
  { env, ...options }: Omit<StartOptions, 'script'> = {},
): Promise<Service> {
  const report = ['report.js', 'slow.js'].map((name) => `--import=${pathToFileURL(fixture(name))}`)
  const preload = { PORT: '0', NODE_ENV: 'production', NODE_OPTIONS: report.join(' ') }
  return Service.start({ script, ...options, env: { ...preload, ...env } })
}

/** Where an app answers: at once, and after some time ("slow" is in its URL). */
export interface Routes {
  readonly quick?: string
  readonly slow: string
  /** What is posted to each; without it they are asked for. */
  readonly body?: (url: string) => string
  readonly check?: (reply: Reply) => string | undefined
  /** Whether connections move, so that nobody connects again. */
  readonly moves?: boolean
}

/** Upgrades under load: nothing fails, no client connects again where connections move. */
export async function upgradesOf(
  service: Service,
  { quick = '/', slow, body, check, moves = true }: Routes,
): Promise<void> {
  const loadOf = (url: string, mode: Mode, connections: number): Load =>
    load({
      ...asking(service, url, body),
      ...(check && { check }),
      mode,
      connections,
      thinkTime: [0, 50],
    })
  const kept = [loadOf(quick, 'keep-alive', 4), loadOf(slow, 'keep-alive', 2)]
  const others = [loadOf(quick, 'new-connection', 2), loadOf(quick, 'pipelined', 2)]
  const loads = [...kept, ...others]
  for (let n = 0; n < upgrades; n++) {
    await Promise.all(loads.map((one) => one.progress(2)))
    await service.handOver()
  }
  for (const { failed, ok, sent, samples } of await Promise.all(loads.map((one) => one.stop()))) {
    expect(failed, samples.join('\n')).toBe(0)
    expect(ok).toBe(sent)
  }
  if (moves) expect(kept.map(({ report }) => report.reconnects)).toEqual([0, 0])
}

/** TERM with a slow request in flight and an idle connection: the one is answered, the other holds nobody. */
export async function stopOf(
  service: Service,
  { quick = '/', slow, body }: Routes,
): Promise<Reply> {
  const pid = service.current
  const idle = await Raw.open(service.port())
  idle.write(get(quick))
  await idle.until((text) => text.includes('\r\n\r\n'))
  const since = service.mark()
  const answer = request(asking(service, slow, body))
  await service.until({ event: 'request', pid }, since)
  service.signal('SIGTERM', pid)
  const reply = await answer
  const end = await service.until({ event: 'drain', phase: 'end', pid })
  await service.ended
  // Node itself would keep an idle connection for 5 s, Fastify for 72.
  expect(Number(end.ms)).toBeLessThan(4_000)
  expect(new Set(service.all({ event: 'exit' }).map(({ code }) => code))).toEqual(new Set([0]))
  expect(service.all({ event: 'hammer' })).toEqual([])
  return reply
}

function asking(service: Service, url: string, body: Routes['body']) {
  const method = body ? 'POST' : 'GET'
  return { target: { port: service.port() }, method, url, ...(body && { body: body(url) }) }
}
