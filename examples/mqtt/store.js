// aedes' own persistence, in memory, with what has to be known of it when clients move.
import { Readable } from 'node:stream'
import memory from 'aedes-persistence'
import { messageOf, packetOf } from './relay.js'

export function createStore() {
  const store = memory()
  const own = {
    enqueue: store.outgoingEnqueueCombi.bind(store),
    read: store.createRetainedStreamCombi.bind(store),
    retain: store.storeRetained.bind(store),
    add: store.addSubscriptions.bind(store),
    clean: store.cleanSubscriptions.bind(store),
  }
  /** By topic, each with the time at which it was published: the successor has newer ones of its own. */
  const retained = new Map()
  /** Clients whose session outlives their connection. */
  const ids = new Set()
  /** Told of each that a subscription brings, and of its end; undefined: it brings none. */
  let reader = unread

  return Object.assign(store, {
    // The relay does it, in the step in which it delivers the message.
    async outgoingEnqueueCombi() {},

    async enqueue(packet) {
      await own.enqueue(await store.subscriptionsByTopic(packet.topic), packet)
    },

    storeRetained(packet, at = Date.now()) {
      retained.set(packet.topic, { packet, at })
      return own.retain(packet)
    },

    /** aedes reads them right after its event 'subscribe'. */
    readRetainedFor(next) {
      reader = next
      process.nextTick(() => {
        reader = unread
      })
    },

    createRetainedStreamCombi(topics) {
      return reader ? Readable.from(told(own.read(topics), reader)) : Readable.from([])
    },

    /** All that are retained, and those that were: somebody may have one still. */
    retained() {
      return [...retained.values()].map(({ at, packet }) => ({ ...messageOf(packet), at }))
    },

    async putRetained(message) {
      const { at, topic } = message
      if ((retained.get(topic)?.at ?? 0) < at) await store.storeRetained(packetOf(message), at)
    },

    addSubscriptions(client, subscriptions) {
      ids.add(client.id)
      return own.add(client, subscriptions)
    },

    cleanSubscriptions(client) {
      ids.delete(client.id)
      return own.clean(client)
    },

    sessions() {
      return [...ids]
    },

    /** What a session has, in pieces: what it has subscribed to, and each message that waits for its client. */
    async *piecesOf(id) {
      const subscriptions = await store.subscriptionsByClient({ id })
      yield { id, subscriptions }
      for await (const packet of store.outgoingStream({ id }))
        if (packet.cmd === 'publish') yield { id, message: messageOf(packet) }
    },

    async putPiece({ id, message, subscriptions }) {
      if (subscriptions?.length > 0) await store.addSubscriptions({ id }, subscriptions)
      if (!message) return
      const named = { brokerId: 'predecessor', brokerCounter: ++pieces }
      await store.outgoingEnqueue({ clientId: id }, { ...packetOf(message), ...named })
    },
  })
}

let pieces = 0
const unread = { comes() {}, ends() {} }

async function* told(stream, reader) {
  for await (const packet of stream) {
    reader.comes()
    yield packet
  }
  reader.ends()
}
