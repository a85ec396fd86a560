/** How a connection is closed, by either side. */
import { frame, opcodes, reasonOf } from '../frames.js'
import type { Script } from '../player.js'
import { answered, first, half, hello, hex, noise, over, script, together } from './steps.js'

const { text, close, ping } = opcodes

const bye = frame(close, reasonOf(1_000))
const closes = (name: string, payload: string | Buffer): Script =>
  script(name, hello, over(frame(close, payload)))

const good = [
  1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 1_012, 1_013, 1_014, 3_000, 3_999,
  4_000, 4_999,
]
const bad = [0, 1, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 1_100, 2_000, 2_999, 5_000, 65_535]

const byClient = [
  closes('a close without a code', ''),
  closes('a close of one byte', 'a'),
  closes('a close with a reason', reasonOf(1_000, 'good bye, ä')),
  closes('a close with a reason of 123 bytes', reasonOf(4_000, noise(123))),
  closes('a close with a reason that is no text', reasonOf(1_000, hex('6eda0806'))),
  closes('a close with half a letter', reasonOf(1_000, hex('61c3'))),
  ...[...good, ...bad].map((code) => closes(`a close with ${code}`, reasonOf(code))),
  script('a close at once', over(bye)),
  script('a close behind a message', over(together(hello.says, bye), 2)),
  script('a close and a message', over(together(bye, hello.says))),
  script('a close and a ping', hello, over(together(bye, frame(ping, 'x')))),
  script('two closes', hello, over(together(bye, frame(close, reasonOf(4_000))))),
  script('a close within a text', half(first(text, 'a')), over(bye)),
]

/** The server has said its close: from there on it waits for ours. */
const asked = half(frame(text, 'close'), 1)
const answer = over(frame(close, reasonOf(4_000)), 0)

const byServer = [
  script('a close of the server', hello, asked, answer),
  script('a close of the server, answered late', hello, asked, half(Buffer.alloc(0)), answer),
  script(
    'a message that crosses a close',
    asked,
    half(frame(text, 'x')),
    half(frame(ping, 'y')),
    answer,
  ),
  script(
    'a close of the server, answered in two pieces',
    asked,
    half(bye.subarray(0, 3)),
    over(bye.subarray(3), 0),
  ),
  script('a wrong answer to a close', asked, over(frame(close, reasonOf(1_005)), 0)),
  script(
    'a server that is asked twice',
    answered(frame(ping)),
    asked,
    half(frame(text, 'close')),
    answer,
  ),
]

export const closing: readonly Script[] = [...byClient, ...byServer]
