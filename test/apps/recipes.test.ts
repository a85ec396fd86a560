// The apps of docs/recipes.md, as they stand there.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Reply, request } from '../support/client/index.js'
import { type Routes, startRecipe, stopOf, upgradesOf } from '../support/recipe.js'
import type { Service } from '../support/service.js'

const recipe = (name: string): string => join(import.meta.dirname, 'recipes', name)
const query = (url: string): string => `{"query":"{ ${url.split('?')[1]} }"}`
const noErrors = ({ body }: Reply): string | undefined =>
  body.includes('errors') ? body.toString() : undefined

const recipes: [name: string, routes: Routes][] = [
  ['hono', { slow: '/slow' }],
  ['warm-up', { slow: '/slow' }],
  ['apollo', { quick: '/graphql?pid', slow: '/graphql?slow', body: query, check: noErrors }],
]

test.concurrent.each(recipes)(
  '%s: upgrades lose nothing, a stop answers what is in flight',
  async (name, routes) => {
    await using service = await startRecipe(recipe(`${name}.js`))
    await upgradesOf(service, routes)
    expect((await stopOf(service, routes)).status).toBe(200)
  },
)

test.concurrent('apollo that stops by itself cuts requests in flight, and it is said at ready', async () => {
  await using service = await startRecipe(join(import.meta.dirname, 'fixtures/apollo-signals.js'))
  await service.untilStderr(/SIGTERM is handled by others as well \(/)
  await expect(stopOf(service, { slow: '/graphql?slow', body: query })).rejects.toMatchObject({
    kind: 'reset',
  })
})

describe.concurrent('uncaught', () => {
  const start = (options: { execArgv?: string[] } = {}) =>
    startRecipe(recipe('uncaught.js'), { ...options, env: { HAMMER_TIME: '1500' } })

  /** One throws outside of any handler while 99 others are being answered. */
  async function throwsAmongOthers(service: Service): Promise<void> {
    const get = (url: string): Promise<Reply> =>
      request({ target: { port: service.port() }, method: 'GET', url })
    const inFlight = Array.from({ length: 99 }, () => get('/slow'))
    while (service.all({ event: 'request' }).length < 99)
      await service.until({ event: 'request' }, service.mark())
    const lost = get('/boom').catch((error) => error.kind)
    const replies = await Promise.all(inFlight)
    expect(replies.filter(({ status }) => status !== 200)).toEqual([])
    // Nobody answers it: the hammer ends it.
    expect(await lost).toBe('reset')
  }

  test('uncaught: of 100 requests in flight all but the one that threw are answered, and a new process serves', async () => {
    await using service = await start()
    await throwsAmongOthers(service)
    expect(await service.exited).toEqual({ code: 1, signal: null })
    const { body } = await request({ target: { port: service.port() }, method: 'GET', url: '/' })
    expect(service.current).not.toBe(service.pid)
    expect(body.toString()).toBe(`hello from ${service.current}\n`)
    await service.stop()
  })

  test('uncaught: where an upgrade is refused the others are answered, too', async () => {
    await using service = await start({ execArgv: ['--watch'] })
    await throwsAmongOthers(service)
    await service.until({ event: 'exit', code: 1 })
    expect(service.all({ event: 'upgrade' })).toEqual([])
  })
})
