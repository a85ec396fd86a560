/** Messages that are compressed (RFC 7692), by each way to agree on it. */
import { deflateRawSync } from 'node:zlib'
import { Direction, type DirectionOptions } from '../deflated.js'
import { frame, opcodes } from '../frames.js'
import type { Script, Step } from '../player.js'
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
  together,
} from './steps.js'

const { continuation, text, binary, ping } = opcodes
const extension = 'permessage-deflate'
/** That of the first frame of a message that is compressed. */
const rsv = 4

/** @param says gets what is said compressed */
function deflating(
  name: string,
  says: (deflate: (bytes: string | Buffer) => Buffer) => readonly Step[],
  terms = '',
  agreed: DirectionOptions = {},
): Script {
  const client = new Direction(agreed)
  const steps = says((bytes) => client.deflate(bytes))
  return { name, offer: `${extension}${terms}`, steps }
}

/** Each message has something of those before, some from far away. */
function referring(deflate: (bytes: string | Buffer) => Buffer): Step[] {
  const [one, two] = [noise(300, 'one'), noise(200, 'two')]
  const far = noise(30_000, 'far')
  const say = (bytes: string | Buffer): Step => answered(frame(text, deflate(bytes), { rsv }))
  const inTwo = (bytes: Buffer): Step =>
    answered(together(first(text, bytes.subarray(0, 20), { rsv }), last(bytes.subarray(20))))
  // One after the other: that is the order in which they are said.
  return [
    say(one),
    say(one),
    say(two + one + far),
    hello,
    inTwo(deflate(one + two + far.slice(100))),
    say(''),
    say(far + two),
    answered(together(...[one, two, far].map((each) => frame(binary, deflate(each), { rsv }))), 3),
  ]
}

const bits = [9, 10, 11, 12, 13, 14, 15]
const ways: readonly (readonly [terms: string, client?: DirectionOptions])[] = [
  [''],
  ['; client_max_window_bits'],
  ['; server_no_context_takeover'],
  ['; client_no_context_takeover', { takeover: false }],
  ['; client_no_context_takeover; server_no_context_takeover', { takeover: false }],
  ...bits.map((windowBits) => [`; server_max_window_bits=${windowBits}`] as const),
  ...bits.map((windowBits) => [`; client_max_window_bits=${windowBits}`, { windowBits }] as const),
  [
    '; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9',
    { windowBits: 9, takeover: false },
  ],
  ['; server_max_window_bits=9; client_max_window_bits=10', { windowBits: 10 }],
]

const agreed = ways.map(([terms, client]) =>
  deflating(`${extension}${terms}`, referring, terms, client),
)

const before = noise(400)
const said = (bytes: Buffer): Step => answered(frame(text, bytes, { rsv }))
/** Of what was not said: it refers to nothing. */
function unknownTo(bytes: string): Buffer {
  const other = new Direction()
  other.deflate(noise(1_000, 'never said') + before)
  return other.deflate(noise(1_000, 'never said') + bytes)
}

const allowed = [
  deflating('compressed fragments, and pings between them', (deflate) => {
    const steps = [said(deflate(before))]
    const bytes = deflate(`${before}, ${before}`)
    return [
      ...steps,
      half(first(text, bytes.subarray(0, 3), { rsv })),
      half(frame(ping, '1'), 1),
      half(middle(bytes.subarray(3, 5))),
      half(middle('')),
      answered(last(bytes.subarray(5))),
      said(deflate(before)),
    ]
  }),
  deflating('a compressed text, its first bytes one by one', (deflate) => {
    const steps = [said(deflate(before))]
    const bytes = frame(text, deflate(before), { rsv })
    const pieces = [...bytewise(bytes.subarray(0, 8), half), answered(bytes.subarray(8))]
    return [...steps, ...pieces, said(deflate(before))]
  }),
  deflating('nothing, compressed', (deflate) => [
    said(deflate(before)),
    said(Buffer.alloc(1)),
    said(deflate(before)),
  ]),
  deflating('a last block that says that it is the last one', (deflate) => [
    said(deflate(before)),
    said(Buffer.concat([deflateRawSync('the end'), Buffer.alloc(1)])),
    said(new Direction().deflate(before)),
    said(new Direction().deflate(`${before}!`)),
  ]),
  deflating('blocks that are only stored', (deflate) => [
    said(Buffer.concat([deflateRawSync(before, { level: 0 }).fill(0, 0, 1), Buffer.alloc(1)])),
    said(deflate(noise(400, 'another'))),
  ]),
  deflating('100,000 bytes, and what is at their end', (deflate) => [
    said(deflate(noise(100_000))),
    said(deflate(noise(100_000).slice(-32_000))),
    said(deflate(noise(100_000).slice(-20_000))),
  ]),
  deflating('what is not compressed is in no window', (deflate) => [
    said(deflate(before)),
    answered(frame(text, noise(40_000, 'plain'))),
    said(deflate(before)),
  ]),
]

const wrong = [
  deflating('the bit of compression in a continuation', (deflate) => [
    said(deflate(before)),
    half(first(text, deflate('ab'), { rsv })),
    over(frame(continuation, 'cd', { rsv })),
  ]),
  deflating('the bit of compression in a ping', (deflate) => [
    said(deflate(before)),
    over(frame(ping, 'a', { rsv })),
  ]),
  ...[1, 2, 5, 6, 7].map((bits) =>
    deflating(`the reserved bits ${bits}, with compression`, (deflate) => [
      said(deflate(before)),
      over(frame(text, deflate(before), { rsv: bits })),
    ]),
  ),
  deflating('what cannot be inflated', (deflate) => [
    said(deflate(before)),
    over(frame(text, hex('ffffffffff'), { rsv })),
  ]),
  deflating('what cannot be inflated, in its second fragment', (deflate) => [
    said(deflate(before)),
    half(first(text, deflate(before).subarray(0, 2), { rsv })),
    over(last(hex('ffffffffffff'))),
  ]),
  deflating('what refers to more than was said', (deflate) => [
    said(deflate('a little')),
    over(frame(text, unknownTo('b'), { rsv })),
  ]),
  deflating(
    'what refers to the message before, which is not to be',
    () => {
      const other = new Direction()
      return [said(other.deflate(before)), over(frame(text, other.deflate(before), { rsv }))]
    },
    '; client_no_context_takeover',
  ),
  deflating('what is no text, compressed', (deflate) => [
    said(deflate(before)),
    over(frame(text, deflate(hex('61eda08061')), { rsv })),
  ]),
]

export const deflated: readonly Script[] = [...agreed, ...allowed, ...wrong]
