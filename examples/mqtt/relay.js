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
  /** In the order in which they came: messages, and clients that join. */
  #steps = []
  #joining = new Set()
  #running = false
  #id = randomUUID()
  #count = 0

  constructor(store) {
    this.#store = store
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
    else this.#step({ packet, done })
    return this
  }

  /** @param enter puts a client where it was; what is published from now on waits for that */
  join(enter) {
    this.#step({ enter })
  }

  #step(step) {
    this.#steps.push(step)
    if (!this.#running) void this.#run()
  }

  async #run() {
    this.#running = true
    while (this.#steps.length > 0) {
      const [step] = this.#steps
      if (step.packet && this.#joining.size > 0) break
      this.#steps.shift()
      if (step.enter) this.#enter(step.enter)
      else await this.#deliver(step)
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
