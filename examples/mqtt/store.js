// aedes' own persistence, in memory, with what has to be known of it when clients move.
import { Readable } from 'node:stream'
import memory from 'aedes-persistence'

/** How much of the retained messages goes along with one connection, in bytes: see carryLimit. */
const most = 512 * 1024

export function createStore() {
  const store = memory()
  const own = {
    enqueue: store.outgoingEnqueueCombi.bind(store),
    retained: store.createRetainedStreamCombi.bind(store),
    retain: store.storeRetained.bind(store),
  }
  /** By topic, each with the time at which it was published: the successor has newer ones of its own. */
  const retained = new Map()
  /** Topics whose retained message has not gone along with a connection. */
  const fresh = new Set()
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
      fresh.add(packet.topic)
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
      return reader ? Readable.from(told(own.retained(topics), reader)) : Readable.from([])
    },

    /** What goes along with the next connection. */
    takeRetained() {
      const taken = []
      let size = 0
      for (const topic of fresh) {
        const { at, packet } = retained.get(topic)
        size += topic.length + packet.payload.length * 2
        if (size > most && taken.length > 0) break
        fresh.delete(topic)
        const payload = packet.payload.toString('base64')
        taken.push({ at, topic, payload, qos: packet.qos })
      }
      return taken
    },

    async putRetained(messages = []) {
      for (const { at, payload, ...message } of messages) {
        if (retained.get(message.topic)?.at > at) continue
        const packet = { cmd: 'publish', retain: true, ...message }
        await store.storeRetained({ ...packet, payload: Buffer.from(payload, 'base64') }, at)
      }
    },
  })
}

const unread = { comes() {}, ends() {} }

async function* told(stream, reader) {
  for await (const packet of stream) {
    reader.comes()
    yield packet
  }
  reader.ends()
}
