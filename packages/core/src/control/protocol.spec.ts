import { expect, test } from 'vitest'
import { parseReply, parseRequest } from './protocol.js'

test('a request', () => {
  const request = { endless: 1, id: 7, command: 'status', args: { a: [1] } }
  expect(parseRequest(JSON.stringify(request))).toEqual({ request })
  expect(parseRequest('{"endless":1,"id":"x","command":"stop"}')).toEqual({
    request: { endless: 1, id: 'x', command: 'stop', args: undefined },
  })
})

test.each([
  ['a line too long', undefined, null, /more than 65536 bytes/],
  ['no JSON', 'GET / HTTP/1.1', null, /"endless": 1, got "GET/],
  ['no object', '[1]', null, /"endless": 1, got "\[1\]"/],
  ['null', 'null', null, /got "null"/],
  ['no version', '{"id":3,"command":"status"}', 3, /"endless": 1/],
  ['another version', '{"endless":2,"id":3,"command":"status"}', 3, /one version of the protocol/],
  ['no id', '{"endless":1,"command":"status"}', null, /expected an "id"/],
  ['an id of no use', '{"endless":1,"id":{},"command":"status"}', null, /expected an "id"/],
  ['no command', '{"endless":1,"id":3,"command":7}', 3, /a "command" \(string\)/],
])('refused, with its id where it has one: %s', (_, line, id, refusal) => {
  expect(parseRequest(line)).toEqual({ id, refusal: expect.stringMatching(refusal) })
})

test('what it says of a line stays short', () => {
  const parsed = parseRequest('x'.repeat(60_000))
  expect('refusal' in parsed && parsed.refusal.length).toBeLessThan(300)
})

test.each([
  ['{"id":1,"event":{"phase":"spawned"}}', { id: 1, event: { phase: 'spawned' } }],
  ['{"id":1,"result":null}', { id: 1, result: null }],
  ['{"id":1,"error":{"code":"C","message":"m"}}', { id: 1, error: { code: 'C', message: 'm' } }],
  [
    '{"id":null,"error":{"code":"C","message":"m"}}',
    { id: null, error: { code: 'C', message: 'm' } },
  ],
  ['{"id":1}', undefined],
  ['{"id":null,"result":1}', undefined],
  ['{"id":1,"event":3}', undefined],
  ['hello', undefined],
])('a reply: %s', (line, reply) => {
  expect(parseReply(line)).toEqual(reply)
})
