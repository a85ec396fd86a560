// MQTT's packets as they are cut from a stream of bytes: a type, flags, a length, and what is in it.

import { parser } from 'mqtt-packet'

/** The types that a session looks at, by their number in the first byte. */
export const kinds = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
}

export class Frames {
  /** What has come of a packet that is not complete. */
  rest = Buffer.alloc(0)

  /** @returns the packets that are complete with these bytes */
  push(bytes) {
    this.rest = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : bytes
    const frames = []
    for (;;) {
      const frame = first(this.rest)
      if (!frame) return frames
      this.rest = this.rest.subarray(frame.bytes.length)
      frames.push(frame)
    }
  }
}

function first(bytes) {
  let length = 0
  // Seven bits of the length in each byte, four bytes at most; one that is longer is for the broker to refuse.
  for (let at = 1; at <= 4; at++) {
    if (bytes.length <= at) return undefined
    length += (bytes[at] & 127) << (7 * (at - 1))
    if ((bytes[at] & 128) === 0 || at === 4) return whole(bytes, at + 1, length)
  }
}

function whole(bytes, head, length) {
  if (bytes.length < head + length) return undefined
  const body = bytes.subarray(head, head + length)
  const kind = bytes[0] >> 4
  const qos = (bytes[0] >> 1) & 3
  return { kind, qos, id: idOf(kind, qos, body), body, bytes: bytes.subarray(0, head + length) }
}

/** The packet identifier, where it has one. */
function idOf(kind, qos, body) {
  if (kind >= kinds.puback && kind <= kinds.unsuback) return numberAt(body, 0)
  if (kind === kinds.publish && qos > 0) return numberAt(body, 2 + (numberAt(body, 0) ?? 0))
}

function numberAt(body, at) {
  return body.length >= at + 2 ? body.readUInt16BE(at) : undefined
}

/** What is said to the client in the end. */
const answers = {
  connect: 'connack',
  'publish 2': 'pubrec',
  pubrel: 'pubcomp',
  subscribe: 'suback',
  unsubscribe: 'unsuback',
  pingreq: 'pingresp',
  disconnect: 'nothing',
}
const names = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [kind, name]))

export function nameOf(kind) {
  return names[kind]
}

/** The name of what answers it; undefined where nothing does. */
export function answerTo(kind, qos) {
  return answers[kind === kinds.publish && qos === 2 ? 'publish 2' : names[kind]]
}

/** Whether a filter has that topic: `+` is one level, `#` all that come. */
export function fits(filter, topic) {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const [levels, named] = [filter.split('/'), topic.split('/')]
  const all = levels.at(-1) === '#'
  if (all ? named.length < levels.length - 1 : named.length !== levels.length) return false
  return levels.every((level, at) => level === '#' || level === '+' || level === named[at])
}

/** As mqtt-packet reads them. */
export function parsed(bytes) {
  const packets = []
  const reader = parser({ protocolVersion: 4 })
  reader.on('packet', (packet) => packets.push(packet))
  reader.parse(bytes)
  return packets
}
