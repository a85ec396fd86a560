import { describe } from 'vitest'
import type { Adapter } from './adapter.js'
import { drains, drainsIdle } from './drain.js'
import { hammers, stops } from './hammer.js'
import { hasHealth } from './health.js'
import { hasHooks, hooksSignals } from './hooks.js'
import { endsHttp2, speaksHttp2 } from './http2.js'
import { listens } from './listen.js'
import { migrates, migratesIdle } from './migrate.js'
import { leavesOutNothingElse, leavesOutOfAFleet } from './supervised.js'
import { keepsTls, speaksTls } from './tls.js'
import { fallsBack, upgrades } from './upgrade.js'

/** What an adapter must do, in real processes with real signals. */
export function contract(adapter: Adapter): void {
  describe(adapter.name, () => {
    waysOfARequest(adapter)
    if (adapter.supervised) leavesOutNothingElse()
    describe('upgrades', () => fallsBack(adapter))
    describe('drains', () => drainsIdle(adapter))
    describe('moves connections', () => migratesIdle(adapter))
    describe('hammers', () => hammers(adapter))
    describe('has hooks', () => hooksSignals(adapter))
    describe('speaks TLS', () => keepsTls(adapter))
    if (adapter.http2) describe('speaks HTTP/2', () => endsHttp2(adapter))
  })
}

/**
 * The part of it in which the framework itself has a hand: how it listens, how a request goes
 * through it, how it is closed. The oldest version that an adapter takes differs from the newest in
 * this alone; idle connections, deadlines, signals and rollbacks are no framework's.
 */
export function wayOfARequest(adapter: Adapter): void {
  describe(adapter.name, () => waysOfARequest(adapter))
}

function waysOfARequest(adapter: Adapter): void {
  if (adapter.supervised) leavesOutOfAFleet()
  describe('listens', () => listens(adapter))
  describe('upgrades', () => upgrades(adapter))
  describe('drains', () => drains(adapter))
  describe('moves connections', () => migrates(adapter))
  describe('stops', () => stops(adapter))
  describe('has hooks', () => hasHooks(adapter))
  describe('has health', () => hasHealth(adapter))
  describe('speaks TLS', () => speaksTls(adapter))
  if (adapter.http2) describe('speaks HTTP/2', () => speaksHttp2(adapter))
}
