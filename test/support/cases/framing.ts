/** What a client may say: messages, fragments, pings. */
import { frame, opcodes, reasonOf } from '../frames.js'
import type { Script } from '../player.js'
import {
  answered,
  bytewise,
  first,
  half,
  hello,
  hex,
  last,
  middle,
  noise,
  over,
  script,
  together,
} from './steps.js'

const { text, binary, close, ping, pong } = opcodes

const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 2 ** 20].map((length) =>
  script(
    `messages of ${length} bytes`,
    answered(frame(text, noise(length))),
    answered(frame(binary, Buffer.from(noise(length)).reverse())),
  ),
)

const long = frame(text, noise(300))
const halfPing = frame(ping, 'abcdef')

const pieces = [
  script('five messages at once', answered(together(...Array(5).fill(hello.says)), 5), hello),
  script(
    'a message and half of the next',
    half(together(hello.says, hello.says.subarray(0, 7)), 1),
    half(together(hello.says.subarray(7), hello.says.subarray(0, 1)), 1),
    answered(hello.says.subarray(1)),
  ),
  script('a text byte by byte', ...bytewise(frame(text, 'abc'), answered), hello),
  script('a ping byte by byte', ...bytewise(frame(ping, 'abc'), answered), hello),
  script('a close byte by byte', ...bytewise(frame(close, reasonOf(1_000)), over)),
  script(
    'a long frame, its head byte by byte',
    ...bytewise(long.subarray(0, 8), half),
    half(long.subarray(8, 200)),
    answered(long.subarray(200)),
  ),
]

const pings = [
  ...[0, 1, 125].map((length) =>
    script(`a ping of ${length} bytes`, answered(frame(ping, noise(length))), hello),
  ),
  script('a ping that is no text', answered(frame(ping, hex('00fffefdfcfb00ff')))),
  script('ten pings', answered(together(...Array(10).fill(frame(ping, 'x'))), 10), hello),
  script('pongs unasked', answered(frame(pong), 0), answered(frame(pong, 'never'), 0), hello),
  script('a pong unasked, and a ping', answered(together(frame(pong, 'a'), frame(ping, 'b')))),
  script('half a ping', half(halfPing.subarray(0, 9)), answered(halfPing.subarray(9)), hello),
]

const fragments = [
  script('two fragments', half(first(text, 'ab')), answered(last('cd')), hello),
  script('three at once', answered(together(first(binary, 'ab'), middle('cd'), last('ef')))),
  script(
    'empty fragments',
    half(first(text, '')),
    half(middle('')),
    half(middle('x')),
    half(middle('')),
    answered(last('')),
  ),
  script('nothing in three fragments', half(first(text, '')), half(middle('')), answered(last(''))),
  script(
    'pings and a pong between fragments',
    half(first(text, 'ab')),
    half(frame(ping, '1'), 1),
    half(middle('cd')),
    half(together(frame(ping, '2'), frame(ping)), 2),
    half(frame(pong, '3')),
    answered(last('ef')),
    hello,
  ),
  script(
    'a ping between fragments, at once',
    answered(together(first(text, 'ab'), frame(ping, '1'), last('cd')), 2),
  ),
  script(
    'half a fragment, half a ping',
    half(first(text, 'abcdef').subarray(0, 8)),
    half(together(first(text, 'abcdef').subarray(8), halfPing.subarray(0, 3))),
    half(halfPing.subarray(3), 1),
    answered(last('gh')),
  ),
  script(
    'twenty fragments of 5,000 bytes',
    half(together(first(binary, noise(5_000)), ...Array(9).fill(middle(noise(5_000))))),
    answered(together(...Array(9).fill(middle(noise(5_000))), last(noise(5_000)))),
    hello,
  ),
]

export const framing: readonly Script[] = [...lengths, ...pieces, ...pings, ...fragments]
