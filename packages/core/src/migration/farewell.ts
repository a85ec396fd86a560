/** A close frame of a server: 1012, service restart. */
const serviceRestart = Uint8Array.of(0x88, 2, 1012 >> 8, 1012 & 0xff)

/**
 * What ends a connection so that its client comes back, in the protocol that it was upgraded to.
 * @param head of its upgrade
 */
export function farewellTo(head: string): Uint8Array | undefined {
  return /^upgrade: *websocket *$/im.test(head.replaceAll('\r', '')) ? serviceRestart : undefined
}
