import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as app from '@endlessjs/core/app'
import * as express from '@endlessjs/express'
import * as fastify from '@endlessjs/fastify'
import * as koa from '@endlessjs/koa'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from './support/service.js'

const root = resolve(import.meta.dirname, '..')
const biome = join(root, 'node_modules/.bin/biome')
/** From the ground up, each on those before it. */
const floors = [
  'node',
  'handover',
  'supervision',
  'talk',
  'listeners',
  'connections',
  'generation',
  'migration',
  'drain',
  'service',
]
/** And one beside them: it knows nothing of upgrades, so only the service stands on it. */
const aside = 'control'
const rooms = [...floors, aside]

/** What a room stands on. */
function below(room: string): string[] {
  if (room === aside) return ['node']
  const lower = floors.slice(0, floors.indexOf(room))
  return room === 'service' ? [...lower, aside] : lower
}

/** A house with the rules of ours, and one file in each room. */
function houseWith(importsOf: (room: string) => readonly string[]): string {
  const house = temporaryDirectory()
  cpSync(join(root, 'biome.json'), join(house, 'biome.json'))
  for (const room of rooms) {
    const text = importsOf(room).map((from) => `export * from '${from}'\n`)
    mkdirSync(join(house, 'packages/core/src', room), { recursive: true })
    writeFileSync(join(house, 'packages/core/src', room, 'new.ts'), text.join(''))
  }
  cpSync(join(root, 'packages/core/biome.json'), join(house, 'packages/core/biome.json'))
  return house
}

/** What biome refuses in each room of it. */
function refusedIn(house: string): Map<string, string[]> {
  const options = ['lint', '--reporter=github', '--max-diagnostics=none', '--vcs-enabled=false']
  const { stdout } = spawnSync(biome, options, { cwd: house, encoding: 'utf8' })
  const found = stdout.matchAll(/noRestrictedImports,file=.*?src\/(\w+)\/new\.ts,line=(\d+)/g)
  const refused = new Map(rooms.map((room) => [room, [] as string[]]))
  for (const [, room = '', line] of found) {
    const text = readFileSync(join(house, 'packages/core/src', room, 'new.ts'), 'utf8')
    const from = text.split('\n')[Number(line) - 1]?.split("'")[1]
    refused.get(room)?.push(from ?? '')
  }
  rmSync(house, { recursive: true })
  // It reports them in no order of its own.
  for (const all of refused.values()) all.sort()
  return refused
}

test('the rooms are those of the plan', () => {
  const folders = readdirSync(join(root, 'packages/core/src'), { withFileTypes: true })
  const found = folders.filter((one) => one.isDirectory()).map(({ name }) => name)
  expect(found.sort()).toEqual([...rooms].sort())
})

describe('an import between rooms', () => {
  const others = (room: string): string[] =>
    rooms.filter((one) => one !== room && !below(room).includes(one))

  test('may go down, by a door', () => {
    const fine = (room: string): string[] => [
      './other.js',
      '../errors.js',
      ...below(room).map((one) => `../${one}/index.js`),
    ]
    expect([...refusedIn(houseWith(fine)).values()].flat()).toEqual([])
  })

  test('is refused where it goes up or aside, past a door, or through the front door', () => {
    const wrong = (room: string): string[] => [
      ...others(room).map((one) => `../${one}/index.js`),
      ...below(room).map((one) => `../${one}/secret.js`),
      '../index.js',
      '../app.js',
    ]
    expect(refusedIn(houseWith(wrong))).toEqual(
      new Map(rooms.map((room) => [room, wrong(room).sort()])),
    )
  })
})

test.each([
  ['express', express],
  ['koa', koa],
  ['fastify', fastify],
])('%s passes on all that an app may import', (_, adapter) => {
  expect(adapter).toMatchObject(app)
  expect(Object.keys(app)).toContain('upgrader')
})
