import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Handle, HeldListener } from '@endlessjs/core/fleet'
import { afterAll, expect, test, vi } from 'vitest'
import { Holder } from './holder.js'

const home = mkdtempSync(join(tmpdir(), 'endless-'))
afterAll(() => rmSync(home, { recursive: true }))

function fakeHandle(fd: number) {
  return { fd, close: vi.fn() } as unknown as Handle & { close: ReturnType<typeof vi.fn> }
}

const facts = (name: string, more: Partial<HeldListener> = {}): HeldListener =>
  ({ name, bound: { port: 1 }, activated: false, ...more }) as HeldListener

test('one duplicate of each is enough', () => {
  const holder = new Holder()
  const [first, again] = [fakeHandle(5), fakeHandle(6)]
  holder.hold(facts('tcp:a'), first)
  holder.hold(facts('tcp:a'), again)
  expect([first.close.mock.calls.length, again.close.mock.calls.length]).toEqual([0, 1])
  expect(holder.parcel()).toEqual([{ ...facts('tcp:a'), fd: 5 }])
  holder.close()
  expect([first.close.mock.calls.length, holder.names]).toEqual([1, []])
})

test('what nobody listens on is let go of, apart from what systemd made', () => {
  const holder = new Holder()
  const handles = [fakeHandle(5), fakeHandle(6), fakeHandle(7)] as const
  holder.hold(facts('tcp:a'), handles[0])
  holder.hold(facts('tcp:b'), handles[1])
  holder.hold(facts('tcp:c', { activated: true }), handles[2])
  expect(holder.keepOnly(new Set(['tcp:a']))).toEqual(['tcp:b'])
  expect(handles.map(({ close }) => close.mock.calls.length)).toEqual([0, 1, 0])
  expect(holder.names).toEqual(['tcp:a', 'tcp:c'])
})

test('the file of a Unix socket goes with it, unless another one stands there', () => {
  for (const isOther of [false, true]) {
    const bound = join(home, 'a.sock')
    writeFileSync(bound, '')
    const holder = new Holder()
    const inode = statSync(bound).ino + (isOther ? 1 : 0)
    holder.hold(facts('unix:a', { bound, inode }), fakeHandle(5))
    holder.close()
    expect(existsSync(bound)).toBe(isOther)
  }
})

test('at a stop the workers alone have what is no file, and was not made by systemd', () => {
  const holder = new Holder()
  const handles = [fakeHandle(5), fakeHandle(6), fakeHandle(7)] as const
  holder.hold(facts('tcp:a'), handles[0])
  holder.hold(facts('unix:a', { bound: join(home, 'none.sock') }), handles[1])
  holder.hold(facts('tcp:b', { activated: true }), handles[2])
  holder.leaveToWorkers()
  expect(handles.map(({ close }) => close.mock.calls.length)).toEqual([1, 0, 0])
  holder.close()
  expect(handles.map(({ close }) => close.mock.calls.length)).toEqual([1, 1, 1])
})
