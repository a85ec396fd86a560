/** What became of the connections that were open when a drain began. */
export interface Drained {
  /** The successor has them. */
  readonly moved: number
  /** They ended by themselves, or at a deadline. */
  readonly drained: number
  /** The hammer cut them. */
  readonly cut: number
}

/** Of all of them together; what is undefined said nothing. */
export function sumOf(all: readonly (Drained | undefined)[]): Drained {
  const total = (name: keyof Drained): number =>
    all.reduce((sum, one) => sum + (one?.[name] ?? 0), 0)
  return { moved: total('moved'), drained: total('drained'), cut: total('cut') }
}
