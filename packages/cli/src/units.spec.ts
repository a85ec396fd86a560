import { expect, test } from 'vitest'
import { parseSize, parseTime, showSize, showTime } from './units.js'

test.each([
  ['500', 500],
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['12h', 43_200_000],
  ['2d', 172_800_000],
  ['', undefined],
  ['s', undefined],
  ['-1s', undefined],
  ['1w', undefined],
  ['1 s', undefined],
])('the time %j', (text, ms) => {
  expect(parseTime(text)).toBe(ms)
})

test.each([
  ['500000', 500_000],
  ['1k', 1_024],
  ['512M', 536_870_912],
  ['512MB', 536_870_912],
  ['512MiB', 536_870_912],
  ['1.5G', 1_610_612_736],
  ['M', undefined],
  ['-1M', undefined],
  ['1T', undefined],
])('the size %j', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_000, '1 s'],
  [60_000, '1 m'],
  [185_900, '3 m 5 s'],
  [7_800_000, '2 h 10 m'],
  [7_205_000, '2 h'],
  [356_400_000, '4 d 3 h'],
])('%d ms are %s', (ms, text) => {
  expect(showTime(ms)).toBe(text)
})

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KB'],
  [89_443_532, '85.3 MB'],
  [268_435_456, '256 MB'],
  [5_368_709_120, '5.0 GB'],
])('%d bytes are %s', (bytes, text) => {
  expect(showSize(bytes)).toBe(text)
})
