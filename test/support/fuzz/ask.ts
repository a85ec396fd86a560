import { createHash } from 'node:crypto'
import { between, type Random } from '../client/random.js'

/** What is written at once, and how long after what came before it, in ms. */
export interface Segment {
  readonly bytes: Buffer
  readonly pause: number
}

/** A request as it goes over the wire, and every byte that has to come back. */
export interface Ask {
  readonly id: string
  readonly head: readonly Segment[]
  /** Waits for `100 Continue` where `expects`. */
  readonly body: readonly Segment[]
  readonly expects: boolean
  /** With so many unanswered, this one among them, it may be sent. */
  readonly depth: number
  /** How long the client does nothing before it, in ms. */
  readonly idle: number
  /** How many of its segments are sent before the client resets the connection. */
  readonly resetAfter: number | undefined
  /** Whether the client takes its time to read the answer. */
  readonly slow: boolean
  /** The head of the answer, one text for each that is right; {@link anyPid} stands for the pid. */
  readonly answerHeads: readonly string[]
  readonly answerBody: Buffer
}

/** What traffic may do. */
export interface Manners {
  readonly pipelines: boolean
  readonly resets: boolean
  /** Whether an answer may say `Connection: close`. */
  readonly closes: boolean
}

/** As long as the fixture writes its pid. */
export const anyPid: string = '#'.repeat(10)

export function makeAsk(random: Random, id: string, manners: Manners): Ask {
  const chance = (share: number): boolean => random() < share
  const posts = chance(0.6)
  const chunked = posts && chance(0.5)
  const body = posts ? noise(`body of ${id}`, sizeOf(random, 2 ** 16)) : Buffer.alloc(0)
  const expects = posts && chance(0.15)
  const slow = chance(0.03)
  const length = slow ? between(random, 2 ** 18, 2 ** 20) : sizeOf(random, 2 ** 16)
  const pieces = length > 0 && chance(0.5) ? between(random, 1, 4) : 0
  const ms = chance(0.3) ? between(random, 1, 60) : 0
  const lines = [
    `${posts ? 'POST' : 'GET'} /?id=${id}&ms=${ms}&length=${length}&pieces=${pieces} HTTP/1.1`,
    'Host: fuzz',
    ...(chunked ? ['Transfer-Encoding: chunked'] : []),
    ...(posts && !chunked ? [`Content-Length: ${body.length}`] : []),
    ...(expects ? ['Expect: 100-continue'] : []),
  ]
  const hangs = chance(0.04)
  const head = cut(random, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), hangs && chance(0.7))
  const wire = chunked ? inChunks(random, body) : body
  const sent = { head, body: cut(random, wire, hangs && chance(0.5)) }
  const segments = sent.head.length + sent.body.length
  return {
    id,
    ...sent,
    expects,
    // Node answers a pipelined one with the head of the response before its `100 Continue`.
    depth: manners.pipelines && !expects ? between(random, 1, 4) : 1,
    idle: chance(0.06) ? between(random, 100, 300) : between(random, 0, 25),
    resetAfter: manners.resets && chance(0.02) ? between(random, 0, segments) : undefined,
    slow,
    answerHeads: headsOf(id, body, pieces > 0 ? undefined : length, manners),
    answerBody: answerOf(noise(id, length), pieces),
  }
}

/** Bytes that are no others', `n` of them: what the fixture makes of an id, too. */
function noise(id: string, n: number): Buffer {
  return createHash('shake256', { outputLength: n + 1 })
    .update(id)
    .digest()
    .subarray(1)
}

/** Often nothing or little, sometimes up to `most`. */
function sizeOf(random: Random, most: number): number {
  const kind = random()
  if (kind < 0.15) return 0
  return between(random, 1, kind < 0.7 ? 300 : most)
}

/** Cuts anywhere. */
function cut(random: Random, bytes: Buffer, hangs: boolean): Segment[] {
  if (bytes.length === 0) return []
  const cuts = Array.from({ length: hangs ? 1 : between(random, 0, 3) }, () =>
    between(random, 1, bytes.length - 1),
  )
  const ends = [...new Set(cuts), bytes.length].sort((a, b) => a - b)
  return ends.flatMap((end, n) => {
    const begin = ends[n - 1] ?? 0
    const pause = n > 0 && random() < 0.7 ? between(random, 0, 10) : 0
    if (end === begin) return []
    return { bytes: bytes.subarray(begin, end), pause: n > 0 && hangs ? 20 * pause + 100 : pause }
  })
}

function inChunks(random: Random, bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + between(random, 1, 20_000))
    parts.push(chunk(bytes.subarray(at, end)))
    at = end
  }
  return Buffer.concat([...parts, chunk(Buffer.alloc(0))])
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ])
}

function headsOf(id: string, body: Buffer, length: number | undefined, manners: Manners): string[] {
  const head = (connection: readonly string[]): string =>
    [
      'HTTP/1.1 200 OK',
      `x-id: ${id}`,
      `x-pid: ${anyPid}`,
      `x-got: ${body.length} ${createHash('sha1').update(body).digest('hex')}`,
      ...(length === undefined ? [] : [`content-length: ${length}`]),
      ...connection,
      ...(length === undefined ? ['Transfer-Encoding: chunked'] : []),
      '\r\n',
    ].join('\r\n')
  const stays = head(['Connection: keep-alive', 'Keep-Alive: timeout=60'])
  return manners.closes ? [stays, head([sayingClose])] : [stays]
}

export const sayingClose = 'Connection: close'

function answerOf(body: Buffer, pieces: number): Buffer {
  if (pieces === 0) return body
  const size = Math.ceil(body.length / pieces)
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) parts.push(chunk(body.subarray(at, at + size)))
  return Buffer.concat([...parts, chunk(Buffer.alloc(0))])
}
