let last = 0

/** Of an order to workers: of whatever kind, there is one such number. */
export function nextId(): number {
  return ++last
}
