// An aedes broker whose clients move: each by what aedes says of it in its hooks and events.
import { carried, carry } from '@endlessjs/core'
import { Aedes } from 'aedes'
import { packetOf, Relay } from './relay.js'
import { Session } from './session.js'
import { createStore } from './store.js'

/** A step of the relay, for what others have to know. */
const nothing = { call() {} }

export async function createBroker(up) {
  const store = createStore()
  /** By aedes' client, and by its socket. */
  const sessions = new WeakMap()
  /** By the client's id: those that this process has. */
  const here = new Map()
  let drains = false

  /** What another process has said, as a step of the relay. */
  function hear(message, socket) {
    const { came, piece, retained } = message
    if (socket) return { call: () => message.topic && sessions.get(socket)?.give(message) }
    if (came) return { call: () => here.get(came)?.yieldTo() }
    if (retained) return { call: () => store.putRetained(retained) }
    // One that is here already has begun anew.
    if (piece) return { call: () => here.has(piece.id) || store.putPiece(piece) }
    const keep = { call: () => message.retain && store.putRetained(message) }
    relay.step(keep)
    return { packet: packetOf(message), done() {} }
  }

  const relay = new Relay(store, up, hear)
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

  broker.on('clientReady', async (client) => {
    const session = sessions.get(client)
    here.set(client.id, session)
    // A client has one connection: the newer one, whichever process it has come to.
    if (!session.isCarried) relay.say({ came: client.id }, nothing)
    session.connected(client.clean ? [] : await store.subscriptionsByClient(client))
  })
  broker.on('clientDisconnect', (client) => {
    const session = sessions.get(client)
    if (here.get(client.id) === session) here.delete(client.id)
    if (drains && !client.clean && !session.hasMoved) handOver(client.id)
  })
  broker.on('publish', (packet, client) => sessions.get(client)?.published(packet))
  broker.on('subscribe', (subscriptions, client) =>
    store.readRetainedFor(sessions.get(client).subscribed(subscriptions)),
  )
  broker.on('unsubscribe', (topics, client) => sessions.get(client).unsubscribed(topics))

  /** A session whose client is away. */
  function handOver(id) {
    relay.step({
      async call() {
        for await (const piece of store.piecesOf(id)) relay.say({ piece }, nothing)
      },
    })
  }

  up.hook('onRevive', () => {
    drains = false
  })
  up.hook('onDrain', (reason) => {
    // MQTT 3.1.1 has no word for "go": at a stop its clients are closed, and come back to who serves next.
    if (reason === 'shutdown') return broker.close()
    drains = true
    for (const retained of store.retained()) relay.say({ retained }, nothing)
    for (const id of store.sessions()) if (!here.has(id)) handOver(id)
  })

  function serve(socket) {
    const was = carried(socket)
    const session = new Session(socket, was !== undefined)
    session.client = broker.handle(session)
    sessions.set(session.client, session).set(socket, session)
    carry(socket, {
      busy: () => relay.isBusy || session.isBusy,
      state: () => session.state,
      gone: () => session.leave(),
    })
    // Behind those that come from the predecessor: it may be one of them that has come back.
    if (!was) return relay.step({ call: () => session.start() })
    relay.join(async (signal) => {
      // It has come back meanwhile, by a connection of its own: that one counts.
      if (here.has(was.id)) return socket.destroy()
      await session.enter(was, store, signal).catch(() => socket.destroy())
    })
  }

  return { broker, serve }
}
