import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makePairs } from './pairs.js'

const fds = (): number => readdirSync('/proc/self/fd').length

test('both ends of each are there, and are closed with what they were made for', async () => {
  const before = fds()
  const pairs = await makePairs(3)
  expect(new Set(pairs.flat().map(({ handle }) => handle.fd)).size).toBe(6)
  for (const end of pairs.flat()) end.close()
  await expect.poll(fds).toBeLessThanOrEqual(before)
})
