import { between, type Random } from './random.js'
import type { Failure, LoadOptions, Mode, Reply, Target } from './types.js'

export interface Fault {
  kind: Failure
  why: string
  errno?: string | undefined
  /** Bytes of the response, interim ones not included. */
  received: number
  /** Interim responses. */
  interim: number
}

/** One request and what became of it. */
export interface Exchange {
  readonly id: string
  readonly line: string
  /** What goes out in one write each, except that a pipelined batch is a single write. */
  readonly parts: readonly Buffer[]
  readonly started: number
  /** Bytes handed to the socket. */
  written: number
  reply: Reply | undefined
  failure: { kind: Failure; sample: string } | undefined
}

type Plan = Pick<LoadOptions, 'target' | 'method' | 'url' | 'body'>

export function compose(
  plan: Plan,
  mode: Mode,
  client: number,
  n: number,
  random: Random,
): Exchange {
  const id = `${client}-${n}`
  const method = plan.method ?? 'POST'
  const url = typeof plan.url === 'function' ? plan.url(n) : (plan.url ?? '/')
  const body = bodyOf(plan, method, id, n)
  const head = Buffer.from(
    `${method} ${url} HTTP/1.1\r\nhost: ${authority(plan.target)}\r\nx-request-id: ${id}\r\n` +
      `${mode === 'new-connection' ? 'connection: close\r\n' : ''}` +
      `${body === undefined ? '' : entityHeaders(plan.body, body, mode)}\r\n`,
    'latin1',
  )
  return {
    id,
    line: `${method} ${url}`,
    parts: split(head, body, mode, random),
    started: performance.now(),
    written: 0,
    reply: undefined,
    failure: undefined,
  }
}

export function sizeOf(exchange: Exchange): number {
  return exchange.parts.reduce((size, part) => size + part.length, 0)
}

function authority(target: Target): string {
  if ('path' in target) return 'localhost'
  const { host = '127.0.0.1', port } = target
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function bodyOf(plan: Plan, method: string, id: string, n: number): Buffer | undefined {
  const { body } = plan
  if (typeof body === 'function') return body(n)
  if (typeof body === 'string') return Buffer.from(body)
  if (body !== undefined) return body
  return method === 'GET' || method === 'HEAD' ? undefined : Buffer.from(`{"id":"${id}"}`)
}

function entityHeaders(given: Plan['body'], body: Buffer, mode: Mode): string {
  const json = given === undefined || typeof given === 'string'
  const type = `content-type: application/${json ? 'json' : 'octet-stream'}\r\n`
  if (mode === 'chunked') return `${type}transfer-encoding: chunked\r\n`
  const expect = mode === 'expect-continue' && body.length > 0 ? 'expect: 100-continue\r\n' : ''
  return `${type}content-length: ${body.length}\r\n${expect}`
}

function split(head: Buffer, body: Buffer | undefined, mode: Mode, random: Random): Buffer[] {
  if (mode === 'chunked' && body !== undefined) return [head, ...chunks(body, random)]
  if (mode === 'expect-continue' && body?.length) return [head, body]
  const whole = body?.length ? Buffer.concat([head, body]) : head
  if (mode !== 'two-segments') return [whole]
  const at = between(random, 1, whole.length - 1)
  return [whole.subarray(0, at), whole.subarray(at)]
}

/** `body` in up to three chunks, the last of them with the end of the message. */
function chunks(body: Buffer, random: Random): Buffer[] {
  const cuts = [between(random, 0, body.length), between(random, 0, body.length)]
  const [first = 0, second = 0] = cuts.sort((a, b) => a - b)
  const pieces = [body.subarray(0, first), body.subarray(first, second), body.subarray(second)]
  const encoded = pieces.filter((piece) => piece.length > 0).map(encode)
  const last = encoded.pop() ?? Buffer.alloc(0)
  return [...encoded, Buffer.concat([last, Buffer.from('0\r\n\r\n')])]
}

function encode(piece: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${piece.length.toString(16)}\r\n`),
    piece,
    Buffer.from('\r\n'),
  ])
}
