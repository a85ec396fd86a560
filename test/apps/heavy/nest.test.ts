// NestJS on Express and on Fastify, as docs/recipes.md has it.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startRecipe, stopOf, upgradesOf } from '../../support/recipe.js'

const recipe = (name: string): string => join(import.meta.dirname, 'recipes', name)
const times = (text: string, of: RegExp): number => [...text.matchAll(of)].length

describe.each(['nest-express', 'nest-fastify'])('%s', (name) => {
  test('upgrades lose nothing, a stop answers what is in flight; each generation shuts down after its last request', async () => {
    await using service = await startRecipe(recipe(`${name}.js`))
    await upgradesOf(service, { slow: '/slow' })
    // At the end of each generation that was upgraded.
    expect(times(service.stderr, /^store closed$/gm)).toBe(3)
    const { status, body } = await stopOf(service, { slow: '/slow' })
    expect([status, body.toString()]).toEqual([200, 'done\n'])
    expect(times(service.stderr, /^store closed$/gm)).toBe(4)
    expect(times(service.stderr, /^shut down$/gm)).toBe(4)
  })
})
