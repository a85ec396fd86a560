import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ControlClient } from './client.js'
import { client, echo, serving } from './specs/serving.js'
import { place } from './specs/talking.js'

/** Somebody else at the path: says this to each request, then ends where told. */
async function impostor(answer: string, ends = false): Promise<string> {
  const path = join(place(), 'a.sock')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => (ends ? socket.end(answer) : socket.write(answer)))
  }).listen(path)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  chmodSync(path, 0o600)
  return path
}

test('nobody there', async () => {
  const directory = place()
  writeFileSync(join(directory, 'file'), '')
  for (const name of ['none.sock', 'none/none.sock', 'file', 'file/a.sock'])
    await expect(ControlClient.connect(join(directory, name))).rejects.toMatchObject({
      code: 'ERR_ENDLESS_NO_SERVICE',
      message: expect.stringContaining(`no service answers at ${join(directory, name)}`),
    })
})

test('a path that no socket can have', async () => {
  await expect(ControlClient.connect(`/tmp/${'x'.repeat(103)}`)).rejects.toMatchObject({
    code: 'ERR_ENDLESS_CONTROL',
    message: expect.stringMatching(/expected at most 107 bytes, got 108/),
  })
})

test('a request too long is not even sent', async () => {
  const { path } = await serving(echo)
  const one = await client(path)
  await expect(one.request('status', 'x'.repeat(65_536))).rejects.toThrow(
    /at most 65536 bytes, got 65\d+/,
  )
  expect(await one.request('status', 'x'.repeat(65_000))).toBeTruthy()
})

test('the connection ends before the answer', async () => {
  const path = await impostor('{"id":1,"event":{"phase":"spawned"}}\n{"id":1,"resu', true)
  const one = await client(path)
  const events: object[] = []
  const asking = one.request('reload', {}, (event) => events.push(event))
  await expect(asking).rejects.toMatchObject({
    code: 'ERR_ENDLESS_CONTROL',
    message: expect.stringMatching(/ended before an answer to "reload"/),
  })
  expect(events).toEqual([{ phase: 'spawned' }])
  await expect(one.request('status')).rejects.toThrow(/ended before an answer to "status"/)
})

test('close rejects what was asked', async () => {
  const { path } = await serving(() => new Promise(() => {}))
  const one = await client(path)
  const asking = one.request('reload')
  one.close()
  await expect(asking).rejects.toThrow(/ended before an answer/)
})

test.each([
  ['no JSON', 'HTTP/1.1 400 Bad Request\r\n\r\n', /no service of ours/],
  [
    'an error about no request',
    '{"id":null,"error":{"code":"ERR_X","message":"what?"}}\n',
    'what?',
  ],
])('%s', async (_, answer, message) => {
  const one = await client(await impostor(answer))
  await expect(one.request('status')).rejects.toMatchObject({
    code: 'ERR_ENDLESS_CONTROL',
    message: message instanceof RegExp ? expect.stringMatching(message) : message,
  })
})

test('the code of a later release stays what it is; what is none of ours does not', async () => {
  const failing = (code: string): Promise<string> =>
    impostor(`{"id":1,"error":{"code":"${code}","message":"m"}}\n`)
  const codeOf = async (code: string): Promise<unknown> =>
    (await client(await failing(code))).request('reload').catch((error) => error.code)
  expect(await codeOf('ERR_ENDLESS_TOMORROW')).toBe('ERR_ENDLESS_TOMORROW')
  expect(await codeOf('ENOENT')).toBe('ERR_ENDLESS_CONTROL')
})

test('an answer to what nobody asked is passed over', async () => {
  const path = await impostor('{"id":9,"result":1}\n{"id":"1","result":2}\n{"id":1,"result":3}\n')
  expect(await (await client(path)).request('status')).toBe(3)
})
