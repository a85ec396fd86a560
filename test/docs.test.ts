// What the docs say of tests and of files is so.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { root } from './support/example.js'
import { blocks } from './support/recipe.js'
import { Reader, savedBlocks, shellBlocks } from './support/typed.js'

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

describe('the endless command', () => {
  const pages = ['docs/workers.md', 'docs/coming-from-pm2.md', 'packages/cli/README.md']
  const reader = new Reader()
  afterAll(() => reader[Symbol.asyncDispose]())
  const help = async (command: string): Promise<string> =>
    (await reader.type(`npx endless help ${command}`)).stdout

  test.each(pages)('%s: what is typed works as it stands there', async (page) => {
    await using typist = new Reader()
    for (const [file, text] of savedBlocks(page)) typist.save(file, text)
    const lines = shellBlocks(page).flatMap((block) => block.trim().split('\n'))
    const stops = lines.some((line) => /endless stop/.test(line))
    for (const line of stops ? lines : [...lines, 'npx endless stop']) {
      if (/endless start/.test(line)) await typist.start(line)
      // It goes on until Ctrl-C.
      else if (/--watch/.test(line)) expect((await typist.type(once(line))).code, line).toBe(0)
      else expect(await typist.type(line), line).toMatchObject({ code: 0, stderr: '' })
    }
    expect(await typist.ended(), typist.said).toBe(0)
  })

  test.each(pages)('%s: the flags and the commands that it names are there', async (page) => {
    const commands = ['start', 'reload', 'status', 'scale', 'hammer', 'stop', 'unit']
    const helps = await Promise.all(commands.map(help))
    const known = new Set([
      ...helps.flatMap((text) => text.match(/--[a-z-]+/g) ?? []),
      // Taken apart before the others, as aliases.
      ...['--instances', '--max-memory-restart'],
      ...process.allowedNodeEnvironmentFlags,
      // Of Node, and not for its environment; of pm2.
      ...['--env-file', '--watch', '--cpu-prof', '--no-daemon'],
    ])
    const text = read(page)
    const flags = text.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? []
    expect(flags.filter((flag) => !known.has(flag))).toEqual([])
    const spoken = [...text.matchAll(/`(?:npx )?endless ([a-z]+)/g)].map(([, word = '']) => word)
    expect(spoken.filter((word) => !commands.includes(word))).toEqual([])
    expect(spoken.length).toBeGreaterThan(5)
  })

  test('its README has a row for each flag of start', async () => {
    const said = [...read('packages/cli/README.md').matchAll(/^\| (`-.*?`) \|/gm)].flatMap(
      ([, cell = '']) => cell.match(/--[a-z-]+/g) ?? [],
    )
    const [, options = ''] = (await help('start')).split('\nOptions:\n')
    const all = [...options.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = '']) => flag)
    expect(said.sort()).toEqual(all.filter((flag) => flag !== '--help').sort())
  })

  test('workers.md: the exit codes and the columns are those that it has', async () => {
    const page = read('docs/workers.md')
    const [, exits = ''] = /### Exit codes\n(.*?)\n### /s.exec(page) ?? []
    const [, printed = ''] = (await help('reload')).split('Exit codes:')
    expect(firsts(exits)).toEqual([...printed.matchAll(/^ {2}(\d) /gm)].map(([, code]) => code))
    const [, shown = ''] = /## What `endless status` shows\n(.*?)\n## /s.exec(page) ?? []
    await using typist = new Reader()
    await typist.start('npx endless start server.js')
    const header = (await typist.type('npx endless status')).stdout.split('\n')[2] ?? ''
    expect(firsts(shown)).toEqual(header.split(/ {2,}/))
    expect((await typist.type('npx endless stop')).code).toBe(0)
  })

  test('coming-from-pm2.md: the keys of its example have a row', () => {
    const page = read('docs/coming-from-pm2.md')
    const [[, text] = ['', '']] = savedBlocks('docs/coming-from-pm2.md')
    const [, rows = ''] = page.split('\n## Keys of an ecosystem file\n')
    const keys = [...text.matchAll(/^ {6}(\w+):/gm)].map(([, key]) => key)
    expect(keys.length).toBeGreaterThan(5)
    const said = rows.split('\n').flatMap((row) => (row.split('|')[1] ?? '').match(/\w+/g) ?? [])
    expect(keys.filter((key) => !said.includes(key ?? ''))).toEqual([])
  })
})

/** The first cells of a table, without its head. */
function firsts(text: string): string[] {
  const rows = text.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((row) => (row.split('|')[1] ?? '').trim())
}

/** It says it once, and then nobody reads any more. */
function once(line: string): string {
  return line.replace('--watch', '--watch --json | head -n 1 >&2')
}

function titled(title: string): RegExp {
  return new RegExp(`['"]${title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"]`)
}
