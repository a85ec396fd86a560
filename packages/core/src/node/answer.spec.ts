import type { ServerResponse } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import {
  framingOf,
  headWrittenOf,
  isBetweenWrites,
  isEncoded,
  partFromSocket,
  partsFromSocket,
} from './answer.js'
import { type Client, get, serversOfEachTest, until } from './specs/servers.js'

const served = serversOfEachTest()

async function asked(text = get): Promise<{ client: Client; response: ServerResponse }> {
  const responses: ServerResponse[] = []
  const server = await served.serve((_, response) => void responses.push(response))
  const { client } = await served.open(server, text)
  await until(() => responses.length > 0)
  const [response] = responses
  if (!response) throw new Error('nobody asked')
  return { client, response }
}

test('this Node has what is needed', () => {
  expect(partsFromSocket()).toBe(true)
})

describe('a response is between two writes', () => {
  test('from the beginning on, and again when what was written is with the kernel', async () => {
    const { client, response } = await asked()
    expect(isBetweenWrites(response)).toBe(true)
    response.write('x')
    expect(isBetweenWrites(response)).toBe(false)
    await until(() => client.text.includes('x'))
    expect(isBetweenWrites(response)).toBe(true)
  })

  test('not while the app holds back what it writes', async () => {
    const { response } = await asked()
    response.cork()
    expect(isBetweenWrites(response)).toBe(false)
    response.uncork()
    expect(isBetweenWrites(response)).toBe(true)
  })

  test('not when it is ended, or half of the next request is read', async () => {
    const { response } = await asked()
    response.end()
    expect(isBetweenWrites(response)).toBe(false)
    const next = await asked(`${get}GET`)
    expect(isBetweenWrites(next.response)).toBe(false)
  })

  test('not before it is its turn', async () => {
    const responses: ServerResponse[] = []
    const server = await served.serve((_, response) => void responses.push(response))
    await served.open(server, get + get)
    await until(() => responses.length === 2)
    expect(responses.map(isBetweenWrites)).toEqual([true, false])
  })
})

test('its head is written with the first part of it', async () => {
  const { client, response } = await asked()
  expect(headWrittenOf(response)).toBeUndefined()
  response.writeHead(201, { 'content-type': 'a/b' })
  expect(headWrittenOf(response)).toBeUndefined()
  response.write('x')
  // Node 26 keeps both back until the end of the turn.
  await until(() => client.text.includes('x'))
  expect(headWrittenOf(response)).toMatch(/^HTTP\/1.1 201 Created\r\ncontent-type: a\/b\r\n/)
})

describe('what a client goes by', () => {
  const framing = framingOf('HTTP/1.1 200 OK\r\nContent-Type: a/B\r\nDate: x\r\nX: 1\r\n\r\n')

  test('is neither the time of day, nor the order, nor the case', () => {
    expect(framingOf('HTTP/1.1 200 Fine\r\ndate: y\r\ncontent-type:  a/b\r\n\r\n')).toBe(framing)
  })

  test.each([
    'HTTP/1.1 201 OK\r\nContent-Type: a/b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: a/c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Encoding: br\r\n\r\n',
  ])('%j is something else', (head) => {
    expect(framingOf(head)).not.toBe(framing)
  })

  test.each([
    ['Content-Encoding: br', true],
    ['content-encoding:gzip', true],
    ['Content-Encoding: identity', false],
    ['Content-Type: x', false],
  ])('%s is compressed: %s', (line, is) => {
    expect(isEncoded(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`)).toBe(is)
  })
})

test('one that has parted from its socket says nothing to anybody any more', async () => {
  const { client, response } = await asked()
  const heard = vi.fn()
  for (const event of ['close', 'error', 'finish']) response.on(event, heard)
  for (const event of ['close', 'error', 'aborted']) response.req.on(event, heard)
  response.write('before ')
  await until(() => client.text.includes('before'))
  const { socket } = response
  if (!socket) throw new Error('no socket')
  partFromSocket(response, socket)
  const written = vi.fn()
  expect(response.write('after', written)).toBe(false)
  response.end()
  socket.destroy()
  await until(() => client.socket.destroyed && written.mock.calls.length > 0)
  expect(client.text).not.toContain('after')
  expect(heard).not.toHaveBeenCalled()
})
