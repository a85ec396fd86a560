// What aedes calls its `mq`: the way of a message from who publishes it to who has subscribed to it. Here it takes one
// step after the other, and one of the steps is that a client joins who comes from the predecessor: it takes some turns
// of the event loop until that has its subscriptions again, and what is published meanwhile waits for it.
import { randomUUID } from 'node:crypto'
import mqemitter from 'mqemitter'

/** For so long a client may be on its way into this broker, in ms: all others wait for it. */
const patience = 2_000

export class Relay {
  #mq = mqemitter({ concurrency: 0, matchEmptyLevels: true })
  #store
  /** To the other processes of the service, where there is one. */
  #channel
  /** In the order in which they came: messages, and clients that join. */
  #steps = []
  #joining = new Set()
  #running = false
  #id = randomUUID()
  #count = 0
  /** What is being said to all processes, while it is not heard here. */
  #own

  /** @param hear `(message, socket)`: a step for what another process has said, to one client or to all */
  constructor(store, up, hear) {
    this.#store = store
    this.#channel = up.channel('mqtt', (message, to) => {
      const own = this.#own
      this.#own = undefined
      if (to) for (const socket of to) this.step(hear(message, socket))
      else this.step(own ?? hear(message))
    })
  }

  /** Whether something that was published has not been given to all that have subscribed to it. */
  get isBusy() {
    return this.#running || this.#steps.length > 0
  }

  on(topic, notify, done) {
    this.#mq.on(topic, notify, done)
    return this
  }

  removeListener(topic, notify, done) {
    this.#mq.removeListener(topic, notify, done)
    return this
  }

  close(done) {
    this.#mq.close(done)
    return this
  }

  emit(packet, done) {
    // What a broker says of itself is for itself: it closes who connects a second time by that.
    if (packet.topic.startsWith('$SYS/')) this.#mq.emit(packet, done)
    else this.say(messageOf(packet), { packet, done })
    return this
  }

  /** @param step what it is in this process */
  say(message, step) {
    this.#own = step
    try {
      this.#channel.publish(message)
    } catch (error) {
      // Larger than a message may be: who is here gets it.
      console.error(error.message)
    }
    if (this.#own) this.step(step)
    this.#own = undefined
  }

  /** @param enter puts a client where it was; what is published from now on waits for that */
  join(enter) {
    this.step({ enter })
  }

  step(step) {
    this.#steps.push(step)
    if (!this.#running) void this.#run()
  }

  async #run() {
    this.#running = true
    while (this.#steps.length > 0) {
      const [step] = this.#steps
      if (!step.enter && this.#joining.size > 0) break
      this.#steps.shift()
      if (step.enter) this.#enter(step.enter)
      else if (step.packet) await this.#deliver(step)
      else await step.call()
    }
    this.#running = false
  }

  async #deliver({ packet, done }) {
    // aedes takes for a duplicate what has a lower number than what came before it: one of QoS 0 that overtook one of
    // QoS 1 while that was stored. So they are numbered here, where their order is made.
    Object.assign(packet, { brokerId: this.#id, brokerCounter: ++this.#count })
    if (packet.qos > 0) await this.#store.enqueue(packet)
    this.#mq.emit(packet, done)
  }

  #enter(enter) {
    const abort = new AbortController()
    const late = setTimeout(() => abort.abort(), patience)
    const joined = () => {
      clearTimeout(late)
      this.#joining.delete(enter)
      if (!this.#running) void this.#run()
    }
    this.#joining.add(enter)
    enter(abort.signal).then(joined, joined)
  }
}

/** As JSON has it. */
export function messageOf({ payload, qos, retain, topic }) {
  return { topic, payload: Buffer.from(payload).toString('base64'), qos, retain, at: Date.now() }
}

export function packetOf({ payload, ...message }) {
  return { cmd: 'publish', ...message, payload: Buffer.from(payload, 'base64') }
}
