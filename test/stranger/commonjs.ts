// An app that knows nothing but `require`, and one that has both.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { load } from '../support/client/index.js'
import { upgradesLoseNothing } from '../support/lossless.js'
import { Service } from '../support/service.js'
import { run } from './run.js'

const app = `
  const { endless } = require('@endlessjs/express')
  const express = require('express')

  const app = express()
  app.get('/', (req, res) => res.json({ pid: process.pid }))
  module.exports = app
  // Tools take the app, and nobody else starts it.
  if (require.main === module) endless(app).listen(0)
`

/** Preloaded, so that the app is a stranger's: what fixtures/report.js is for ours. */
const report = `
  const { subscribe } = require('node:diagnostics_channel')
  const { writeSync } = require('node:fs')
  for (const event of ['state', 'listen', 'upgrade', 'drain', 'predecessor', 'exit'])
    subscribe('endless:' + event, (message) => writeSync(1, JSON.stringify({ event, ...message }) + '\\n'))
`

const both = `
  const assert = require('node:assert/strict')
  const names = ['core', 'core/app', 'core/testing', 'core/control', 'express', 'koa', 'fastify', 'cli']

  async function compare() {
    for (const name of names.map((one) => '@endlessjs/' + one)) {
      const [required, imported] = [require(name), await import(name)]
      assert.deepEqual(Object.keys(required).sort(), Object.keys(imported), name)
      for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], key)
    }
    const { EndlessError, upgrader } = require('@endlessjs/express')
    const koa = await import('@endlessjs/koa')
    assert.equal(upgrader, require('@endlessjs/core').upgrader)
    assert.equal(upgrader(), koa.upgrader())
    assert.throws(() => koa.upgrader({ hammerTime: -1 }), EndlessError)
    await upgrader().uninstall()
    console.log('the same')
  }
  compare()
`

/** @param home has the packages, as npm installs them */
export function commonjs(home: string): void {
  test('a CommonJS app: upgrades under load lose nothing', async () => {
    writeFileSync(join(home, 'server.cjs'), app)
    writeFileSync(join(home, 'report.cjs'), report)
    const execArgv = ['--require', './report.cjs']
    await using service = await Service.start({ script: 'server.cjs', cwd: home, execArgv })
    const options = { target: { port: service.port() }, method: 'GET', thinkTime: 5 }
    const loads = [
      load({ ...options, connections: 8 }),
      load({ ...options, connections: 2, mode: 'new-connection' }),
    ]
    const pids = await upgradesLoseNothing(service, loads, { times: 2, answers: 20 })
    expect(new Set(pids).size).toBe(3)
    expect(service.stderr).not.toContain('Warning')
  })

  test('require() and import in one process give the same, and warn of nothing', () => {
    writeFileSync(join(home, 'both.cjs'), both)
    expect(run(home, 'both.cjs')).toBe('the same\n')
  })
}
