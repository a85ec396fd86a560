import { expect, test, vi } from 'vitest'
import { peerOf } from './peer.js'
import { FakeChannel } from './specs/fakechannel.js'

test.each([0, 1, 2])('of %i pipes there is none: some were lost on the way', (count) => {
  expect(peerOf(Array.from({ length: count }, () => new FakeChannel().channel))).toBeUndefined()
})

test('hears by the first, says by the second, moves by the others', async () => {
  const [inbox, outbox, lane] = [new FakeChannel(), new FakeChannel(), new FakeChannel()]
  const peer = peerOf([inbox, outbox, lane].map(({ channel }) => channel))
  const hear = vi.fn()
  const deaf = peer?.onAnswer(hear)
  inbox.says({ endless: 'taken', ids: [1] })
  deaf?.()
  inbox.says({ endless: 'taken', ids: [2] })
  expect(hear.mock.calls).toEqual([[{ endless: 'taken', ids: [1] }]])
  peer?.tell({ endless: 'yours', ids: [1], facts: [] }, () => {})
  peer?.answer({ endless: 'kept', ids: [1] })
  expect(outbox.sent).toEqual([
    { endless: 'yours', ids: [1], facts: [] },
    { endless: 'kept', ids: [1] },
  ])
  expect([peer?.lanes, peer?.alive]).toEqual([[lane.channel], true])
  peer?.close()
  await peer?.gone
  expect([inbox, outbox, lane].map(({ isOpen }) => isOpen)).toEqual([false, false, false])
})
