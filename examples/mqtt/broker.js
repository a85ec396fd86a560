// An aedes broker whose clients move: each by what aedes says of it in its hooks and events.

import { carried, carry } from '@endlessjs/core'
import { Aedes } from 'aedes'
import { Relay } from './relay.js'
import { Session } from './session.js'
import { createStore } from './store.js'

export async function createBroker() {
  const store = createStore()
  const relay = new Relay(store)
  const sessions = new WeakMap()
  const broker = await Aedes.createBroker({
    mq: relay,
    persistence: store,
    // 0: what is published is given to all at once, and nothing of it waits unseen.
    concurrency: 0,
    authorizeForward(client, packet) {
      sessions.get(client)?.owes(packet)
      return packet
    },
  })
  /** By the client's id: those that this process has. */
  const here = new Map()

  broker.on('clientReady', async (client) => {
    const session = sessions.get(client)
    here.set(client.id, session)
    if (client.clean) session.connected([])
    else session.connected(await store.subscriptionsByClient(client))
  })
  broker.on('clientDisconnect', (client) => {
    if (here.get(client.id) === sessions.get(client)) here.delete(client.id)
  })
  broker.on('publish', (packet, client) => sessions.get(client)?.published(packet))
  broker.on('subscribe', (subscriptions, client) =>
    store.readRetainedFor(sessions.get(client)?.subscribed(subscriptions)),
  )
  broker.on('unsubscribe', (topics, client) => sessions.get(client)?.unsubscribed(topics))

  function serve(socket) {
    const was = carried(socket)
    const session = new Session(socket)
    session.client = broker.handle(session)
    sessions.set(session.client, session)
    carry(socket, {
      busy: () => relay.isBusy || session.isBusy,
      state: () => ({ ...session.state, retained: store.takeRetained() }),
      gone: () => session.leave(),
    })
    if (!was) return session.start()
    relay.join(async (signal) => {
      await store.putRetained(was.retained)
      // It has come back meanwhile, by a connection of its own: that one counts.
      if (here.has(was.id)) return socket.destroy()
      await session.enter(was, store, signal).catch(() => socket.destroy())
    })
  }

  return { broker, serve }
}
