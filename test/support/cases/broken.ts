/** What nobody may say, after something that is allowed: the server ends the connection, and says why. */
import { frame, opcodes } from '../frames.js'
import type { Script } from '../player.js'
import { answered, first, half, hello, hex, last, middle, over, script, together } from './steps.js'

const { continuation, text, binary, close, ping, pong } = opcodes

const refused = (name: string, says: Buffer): Script => script(name, hello, over(says))

const reserved = [1, 2, 3, 4, 5, 6, 7].flatMap((rsv) => [
  refused(`a text with the reserved bits ${rsv}`, frame(text, 'a', { rsv })),
  refused(`a ping with the reserved bits ${rsv}`, frame(ping, 'a', { rsv })),
])

const unknown = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
  refused(`opcode ${opcode}`, frame(opcode)),
  script(`opcode ${opcode} behind a message`, over(together(hello.says, frame(opcode, 'a')), 2)),
])

const unmasked = [text, binary, continuation, close, ping, pong].map((opcode) =>
  refused(`opcode ${opcode} unmasked`, frame(opcode, '', { masked: false })),
)

const control = [close, ping, pong].flatMap((opcode) => [
  refused(`opcode ${opcode} with 126 bytes`, frame(opcode, Buffer.alloc(126, 'a'))),
  refused(`opcode ${opcode} in fragments`, first(opcode, '')),
])

const order = [
  refused('a continuation of nothing', last('a')),
  refused('one with more to come', middle('a')),
  script(
    'a continuation of what is over',
    answered(together(first(text, 'a'), last('b'))),
    over(last('c')),
  ),
  script('a text within a text', hello, half(first(text, 'a')), over(frame(text, 'b'))),
  script(
    'a fragment within a text',
    half(first(text, 'a')),
    half(middle('b')),
    over(first(binary, 'c')),
  ),
  script('an unknown opcode within a text', half(first(text, 'a')), over(frame(3))),
  script(
    'reserved bits within a text',
    half(first(text, 'a')),
    over(frame(continuation, 'b', { rsv: 2 })),
  ),
  refused('a length of 2^63', hex('82ff8000000000000000')),
  refused('a length that nobody takes', hex('82ff0000000100000000')),
]

/** None is UTF-8. */
const octets = [
  'ff',
  'fe',
  '80',
  'bf',
  'c0',
  'c0af',
  'c1bf',
  'c2',
  'e08080',
  'e0a0',
  'ed9f',
  'eda080',
  'edbfbf',
  'eda080edb080',
  'f0808080',
  'f08fbfbf',
  'f09080',
  'f4908080',
  'f5808080',
  'f888808080',
  'fc8480808080',
  '6100ff',
]

const utf8 = [
  ...octets.map((one) => refused(`a text of ${one}`, frame(text, hex(one)))),
  ...['efbfbe', 'efbfbf', 'f48fbfbf', 'efbfbd', '00', 'c280', 'ed9fbf', 'ee8080', 'f0908080'].map(
    (one) => script(`a text of ${one}, which is allowed`, answered(frame(text, hex(one))), hello),
  ),
  script(
    'bytes that are no text',
    answered(together(...octets.map((one) => frame(binary, hex(one)))), octets.length),
    hello,
  ),
  script(
    'a letter in two fragments',
    half(first(text, hex('6162c3'))),
    answered(last(hex('a4'))),
    hello,
  ),
  script(
    'a letter in four fragments',
    half(first(text, hex('f0'))),
    half(middle(hex('9f'))),
    half(together(middle(hex('98')), frame(ping, 'x')), 1),
    answered(last(hex('80'))),
  ),
  script('half a letter in two fragments', half(first(text, hex('c3'))), over(last(''))),
  script('a wrong second half', half(first(text, hex('c3'))), over(last('a'))),
  script(
    'a wrong letter in the second fragment',
    half(first(text, 'abc')),
    half(middle(hex('f4908080'))),
    over(last('def')),
  ),
  script(
    'a wrong letter in two pieces',
    half(frame(text, hex('61eda0806162')).subarray(0, 9)),
    over(frame(text, hex('61eda0806162')).subarray(9)),
  ),
]

export const broken: readonly Script[] = [
  ...reserved,
  ...unknown,
  ...unmasked,
  ...control,
  ...order,
  ...utf8,
]
