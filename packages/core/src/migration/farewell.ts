/** As `restartWebSockets` says it. */
const reason = Buffer.from('service restart')
/** A close frame of a server: 1012. */
const serviceRestart = Buffer.concat([
  Buffer.of(0x88, 2 + reason.length, 1012 >> 8, 1012 & 0xff),
  reason,
])

/**
 * What ends a connection so that its client comes back, in the protocol that it was upgraded to; undefined where
 * that is not known.
 * @param head of its upgrade
 */
export function farewellTo(head: string): Uint8Array | undefined {
  return /^upgrade: *websocket *\r?$/im.test(head) ? serviceRestart : undefined
}
