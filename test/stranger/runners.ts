// Apps under the test runners that people use, each with nothing configured.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { run } from './run.js'

const root = resolve(import.meta.dirname, '../..')
const jest = createRequire(import.meta.url).resolve('jest/bin/jest')
const vitest = join(root, 'node_modules/vitest/vitest.mjs')

const tests = `
  test('Express', async () => {
    const app = express()
    app.get('/', (req, res) => res.send('hello'))
    app.use(endless.health())
    const server = endless(app, { upgrader: testUpgrader() }).listen(0)
    await request(server).get('/').expect(200, 'hello')
    await request(server).get('/health').expect(200)
    await new Promise((done) => server.close(done))
  })

  test('Fastify', async () => {
    const fastify = Fastify()
    fastify.get('/', async () => 'hello')
    await fastify.register(plugin, { upgrader: testUpgrader() })
    await fastify.register(plugin.health())
    await fastify.ready()
    await request(fastify.server).get('/').expect(200, 'hello')
    await request(fastify.server).get('/health').expect(200)
    await fastify.close()
  })

  test('the upgrader of the process', async () => {
    const app = express().get('/', (req, res) => res.send('hello'))
    const server = endless(app, { logger: false }).listen(0)
    await request(server).get('/').expect(200, 'hello')
    expect(upgrader().status().listeners).toHaveLength(1)
    expect(() => upgrader({ hammerTime: -1 })).toThrow(EndlessError)
    await upgrader().uninstall()
  })
`

const required = `
  const { testUpgrader } = require('@endlessjs/core/testing')
  const { endless, EndlessError, upgrader } = require('@endlessjs/express')
  const { endless: plugin } = require('@endlessjs/fastify')
  const express = require('express')
  const Fastify = require('fastify')
  const request = require('supertest')
`

const imported = `
  import { testUpgrader } from '@endlessjs/core/testing'
  import { endless, EndlessError, upgrader } from '@endlessjs/express'
  import plugin from '@endlessjs/fastify'
  import express from 'express'
  import Fastify from 'fastify'
  import request from 'supertest'
`

/** @param home has the packages, frameworks and supertest, as npm installs them */
export function runners(home: string): void {
  test.each([
    ['jest', jest, 'commonjs', required, []],
    ['vitest', vitest, 'module', imported, ['run', '--globals']],
  ] as const)('%s: apps are tested with nothing configured', (name, runner, type, head, args) => {
    const directory = join(home, name)
    mkdirSync(directory)
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ type }))
    writeFileSync(join(directory, 'app.test.js'), head + tests)
    const report = join(directory, 'report.json')
    const options = name === 'jest' ? ['--json'] : ['--reporter=json']
    run(directory, runner, ...args, ...options, `--outputFile=${report}`)
    expect(createRequire(report)(report)).toMatchObject({ success: true, numPassedTests: 3 })
  })
}
