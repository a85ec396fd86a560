// What the docs say of tests and of files is so.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './support/example.js'
import { blocks } from './support/recipe.js'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('compatibility.md', () => {
  // What comes after is measured by hand, not run by a test of ours.
  const [tables = ''] = read('docs/compatibility.md').split("\n## Other people's tests\n")
  const rows = tables
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.endsWith(' test |'))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()))

  test('has rows', () => {
    expect(rows.length).toBeGreaterThan(20)
  })

  test.each(rows.map((cells) => [cells[0] ?? '', cells] as const))(
    '%s: the tests that are named exist',
    (_, cells) => {
      expect(cells).toHaveLength(6)
      const named = [...(cells.at(-1) ?? '').matchAll(/`(\S+)`: "(.*?)"(?:; |$)/g)]
      expect(named.map(([text]) => text).join('')).toBe(cells.at(-1))
      expect(named.length).toBeGreaterThan(0)
      // As a title begins in the source: after its quote.
      for (const [, file, title] of named) expect(read(`test/${file}`)).toMatch(titled(title ?? ''))
    },
  )
})

describe('recipes.md', () => {
  const folders = ['test/apps/recipes', 'test/apps/heavy/recipes']
  const files = new Map(
    folders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => !/\.next|node_modules/.test(name) && /\.js$/.test(name))
        .map((name) => [name, read(`${folder}/${name}`)] as const)
        .filter(([name, text]) => text.startsWith(`// ${name}\n`)),
    ),
  )

  test('each block is a file that a test runs, and each file is a block', () => {
    expect(Object.fromEntries(blocks)).toEqual(Object.fromEntries(files))
    expect(files.size).toBeGreaterThan(8)
  })
})

function titled(title: string): RegExp {
  return new RegExp(`['"]${title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"]`)
}
