import type { InsideServer, Packet } from './internals.js'

/** What a packet is on its way to a client, as JSON can say it: text, or bytes in base64. */
export type Parcel = readonly (string | { readonly bytes: string })[]

/** As the parser of the app says it to a client, so that `toJSON` and bytes are what they are there. */
export function wrap({ encoder }: InsideServer, packet: Packet): Parcel {
  return encoder
    .encode(packet)
    .map((part) =>
      typeof part === 'string'
        ? part
        : { bytes: Buffer.from(part as Uint8Array).toString('base64') },
    )
}

/** @returns undefined where the parser of this release does not understand it */
export function unwrap({ _parser: { Decoder } }: InsideServer, parcel: Parcel): Packet | undefined {
  const decoder = new Decoder()
  let found: Packet | undefined
  decoder.on('decoded', (packet: Packet) => {
    found = packet
  })
  try {
    for (const part of parcel)
      decoder.add(typeof part === 'string' ? part : Buffer.from(part.bytes, 'base64'))
  } catch {
    return undefined
  }
  return found
}
