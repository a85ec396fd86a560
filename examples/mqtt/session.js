// One client: what stands between its socket and the broker, sees each packet of both, and so knows when it can move.
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { generate } from 'mqtt-packet'
import { answerTo, Frames, fits, kinds, nameOf, parsed } from './frames.js'
import { packetOf } from './relay.js'

/** Half a packet goes along, up to so many bytes; a longer one is waited for. */
const longestRest = 64 * 1024

/** The broker reads from it what the client says, and writes to it what the client gets. */
export class Session extends Duplex {
  /** aedes' client, from `broker.handle(session)`. */
  client
  isCarried
  #socket
  #up = new Frames()
  #down = new Frames()
  /** Its CONNECT, as it said it. */
  #connect
  #subscriptions = new Map()
  /** What it has asked for, and has not been answered: SUBSCRIBE, UNSUBSCRIBE, PINGREQ, QoS 2. */
  #asked = new Set()
  /** What it has published, and the broker has not given to all that have subscribed to it. */
  #publishing = 0
  /** What the broker has for it, and has not written. */
  #owed = 0
  #retained = { reading: 0, owed: 0 }
  /** Of QoS 1 and not acknowledged: kept for a session that outlives its connection. */
  #unacked = new Map()
  /** Of QoS 2, to the client, and not complete. */
  #open = new Set()
  /** Those of the predecessor: their handshake is finished here. What the broker says by the same number waits. */
  #opened = new Map()
  /** Of QoS 2, from the client, and not released. */
  #received = new Set()
  #stage = 'entering'

  constructor(socket, isCarried) {
    super()
    this.isCarried = isCarried
    this.#socket = socket
    socket.on('drain', () => this.#drained?.())
    // One that breaks while it comes from the predecessor comes first: its will and its session are known then.
    socket.on('error', (error) => this.#stage === 'open' && this.destroy(error))
    socket.on('end', () => this.#stage === 'open' && this.push(null))
    socket.on('close', () => this.#stage === 'open' && this.destroy())
  }

  /** From now on the client is heard. */
  start(rest = Buffer.alloc(0)) {
    this.#stage = 'open'
    if (this.#socket.destroyed) return this.destroy()
    if (rest.length > 0) this.#hear(rest)
    this.#socket.on('data', (bytes) => this.#hear(bytes))
  }

  /**
   * All that has come, as up to Node 24. From 26 on it is one chunk, and aedes parses the next one in the midst of
   * parsing this, or never.
   */
  read(size) {
    const chunks = []
    for (let chunk = super.read(size); chunk !== null; chunk = super.read(size)) chunks.push(chunk)
    return chunks.length > 0 ? Buffer.concat(chunks) : null
  }

  get isBusy() {
    return (
      this.#stage !== 'open' ||
      !this.client.connected ||
      this.#publishing + this.#owed + this.#retained.owed + this.#retained.reading > 0 ||
      this.#asked.size > 0 ||
      // The broker has it in a session that outlives its connection.
      (this.#open.size > 0 && !this.client.clean) ||
      [...this.#opened.values()].some((waiting) => waiting.length > 0) ||
      this.readableLength + this.writableLength + this.#down.rest.length > 0 ||
      this.#up.rest.length > longestRest
    )
  }

  /** What its successor has to know. */
  get state() {
    const texts = [...this.#unacked.values()].map((bytes) => bytes.toString('base64'))
    return {
      connect: this.#connect.toString('base64'),
      id: this.client.id,
      subscriptions: [...this.#subscriptions.values()],
      rest: this.#up.rest.toString('base64'),
      unacked: texts,
      received: [...this.#received],
      open: [...this.#open, ...this.#opened.keys()],
    }
  }

  get hasMoved() {
    return this.#stage === 'gone'
  }

  /** Its client has another connection now. */
  yieldTo() {
    if (!this.hasMoved) this.destroy()
  }

  /** A message of the time in which it moved: what it has subscribed to is asked here, not by the broker. */
  give(message) {
    const of = [...this.#subscriptions.values()].filter(({ topic }) => fits(topic, message.topic))
    if (of.length === 0 || this.#stage !== 'open') return
    const qos = Math.min(message.qos, Math.max(...of.map((one) => one.qos)))
    this.client.publish({ ...packetOf(message), qos, retain: false }, () => {})
  }

  /** The successor has it: here it leaves as one that says goodbye, without its will. */
  leave() {
    this.#stage = 'gone'
    this.push(generate({ cmd: 'disconnect' }))
  }

  /** Makes the broker know it again: by its own CONNECT, whose answer it has had, and by what it had subscribed to. */
  async enter(was, store, signal) {
    const [packet] = parsed(Buffer.from(was.connect, 'base64'))
    // Without an id of its own it has got one from the broker.
    const connect = packet.clientId
      ? Buffer.from(was.connect, 'base64')
      : generate({ ...packet, clientId: was.id })
    const ended = new Promise((_, reject) =>
      this.once('close', () => reject(new Error('it has left'))),
    )
    const ready = once(this.client, 'connected', { signal })
    this.#note(...new Frames().push(connect))
    this.push(connect)
    await Promise.race([ready, ended])
    if (was.subscriptions.length > 0)
      await Promise.race([this.#subscribe(was.subscriptions, signal), ended])
    for (const id of was.open) this.#opened.set(id, [])
    await this.#restore(was, store)
    this.start(Buffer.from(was.rest, 'base64'))
  }

  #subscribe(subscriptions, signal) {
    const told = once(this, 'subscribed', { signal })
    this.client.subscribe({ subscriptions }, () => {})
    return told
  }

  /** What is on its way by QoS, of a session that outlives its connection. */
  async #restore({ received, unacked }, store) {
    const { client } = this
    for (const messageId of received)
      await store.incomingStorePacket(client, { cmd: 'publish', qos: 2, topic: '', messageId })
    let brokerCounter = 0
    for (const text of unacked) {
      const bytes = Buffer.from(text, 'base64')
      const [packet] = parsed(bytes)
      const named = { ...packet, brokerId: 'predecessor', brokerCounter: ++brokerCounter }
      await store.outgoingEnqueue({ clientId: client.id }, named)
      await store.outgoingUpdate(client, named)
      this.#unacked.set(packet.messageId, bytes)
    }
  }

  /** By the broker's events. */
  connected(subscriptions) {
    // What was queued for a session that is over has been thrown away.
    if (this.client.clean) this.#owed = 0
    this.#remember(subscriptions)
    this.#asked.delete('connack ')
  }

  /** @returns whom to tell of the messages that are retained; undefined: it has them */
  subscribed(subscriptions) {
    this.#remember(subscriptions)
    this.emit('subscribed')
    if (this.#stage === 'entering') return undefined
    this.#retained.reading += 1
    return {
      comes: () => {
        this.#retained.owed += 1
      },
      ends: () => {
        this.#retained.reading -= 1
      },
    }
  }

  #remember(subscriptions) {
    for (const { topic, qos } of subscriptions)
      if (qos < 128) this.#subscriptions.set(topic, { topic, qos })
  }

  unsubscribed(topics) {
    for (const topic of topics) this.#subscriptions.delete(topic)
  }

  published({ qos }) {
    if (qos < 2) this.#publishing -= 1
  }

  owes({ retain }) {
    this.#owed += 1
    if (retain && this.#retained.owed > 0) this.#retained.owed -= 1
  }

  #hear(bytes) {
    for (const frame of this.#up.push(bytes)) {
      if (this.#finishes(frame)) continue
      this.#note(frame)
      if (!this.push(frame.bytes)) this.#socket.pause()
    }
  }

  /** @returns whether that belongs to what its predecessor has begun to say to it */
  #finishes({ id, kind }) {
    if (!this.#opened.has(id) || (kind !== kinds.pubrec && kind !== kinds.pubcomp)) return false
    if (kind === kinds.pubrec) this.#socket.write(generate({ cmd: 'pubrel', messageId: id }))
    else {
      const waiting = this.#opened.get(id)
      this.#opened.delete(id)
      for (const bytes of waiting) this.#socket.write(bytes)
    }
    return true
  }

  /** What the client says. */
  #note({ bytes, id, kind, qos }) {
    const answer = answerTo(kind, qos)
    if (answer) this.#asked.add(`${answer} ${id ?? ''}`)
    if (kind === kinds.connect) this.#connect ??= Buffer.from(bytes)
    if (kind === kinds.publish && qos < 2) this.#publishing += 1
    if (kind === kinds.publish && qos === 2) this.#received.add(id)
    if (kind === kinds.pubrel) this.#received.delete(id)
    if (kind === kinds.puback) this.#unacked.delete(id)
    if (kind === kinds.pubcomp) this.#open.delete(id)
  }

  /** What the broker says. @returns whether the client gets it */
  #answered({ body, bytes, id, kind, qos }) {
    if (kind === kinds.connack && this.#stage === 'entering') {
      // Of a release that lets it in no more: it comes back, and is told.
      if (body[1] !== 0) this.destroy()
      return false
    }
    if (kind === kinds.publish) {
      if (this.#owed > 0) this.#owed -= 1
      if (qos === 1 && !this.client.clean) this.#unacked.set(id, Buffer.from(bytes))
      if (qos === 2) this.#open.add(id)
      if (qos === 2 && this.#opened.has(id)) return !this.#opened.get(id).push(Buffer.from(bytes))
    }
    // Until all is known of it, which is later.
    if (kind !== kinds.connack) this.#asked.delete(`${nameOf(kind)} ${id ?? ''}`)
    return true
  }

  #drained

  _write(bytes, _encoding, done) {
    let isRoom = true
    for (const frame of this.#down.push(bytes))
      if (this.#stage !== 'gone' && this.#answered(frame)) isRoom = this.#socket.write(frame.bytes)
    if (isRoom) return done()
    this.#drained = () => {
      this.#drained = undefined
      done()
    }
  }

  _read() {
    // Not before it is heard: a socket that is resumed and has no listener throws away what it reads.
    if (this.#stage === 'open') this.#socket.resume()
  }

  _final(done) {
    if (this.#stage !== 'gone') this.#socket.end()
    done()
  }

  _destroy(error, done) {
    if (this.#stage !== 'gone') this.#socket.destroySoon()
    done(error)
  }
}
