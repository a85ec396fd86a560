import { describe } from 'vitest'
import type { Adapter } from './adapter.js'
import { drains } from './drain.js'
import { hammers } from './hammer.js'
import { hasHealth } from './health.js'
import { hasHooks } from './hooks.js'
import { speaksHttp2 } from './http2.js'
import { listens } from './listen.js'
import { migrates } from './migrate.js'
import { speaksTls } from './tls.js'
import { upgrades } from './upgrade.js'

/** What an adapter must do, in real processes with real signals. */
export function contract(adapter: Adapter): void {
  describe(adapter.name, () => {
    describe('listens', () => listens(adapter))
    describe('upgrades', () => upgrades(adapter))
    describe('drains', () => drains(adapter))
    describe('moves connections', () => migrates(adapter))
    describe('hammers', () => hammers(adapter))
    describe('has hooks', () => hasHooks(adapter))
    describe('has health', () => hasHealth(adapter))
    describe('speaks TLS', () => speaksTls(adapter))
    if (adapter.http2) describe('speaks HTTP/2', () => speaksHttp2(adapter))
  })
}
