import { expect } from 'vitest'
import { type Load, type LoadOptions, load, type Target } from './client/index.js'

/** Clients of which nobody may notice anything. */
export interface Strictly {
  /** On kept and on new connections. */
  arrive(service: { readonly target: Target }): Load[]
  /** On new connections alone. */
  knock(service: { readonly target: Target }): Load
  progress(all: readonly Load[], count: number): Promise<void>
  /** They leave, and nothing went wrong for them. */
  faultless(all: readonly Load[]): Promise<void>
  /** All that are still there. */
  leave(): Promise<void>
}

export function strictly(): Strictly {
  const loads: Load[] = []
  const begin = (target: Target, mode: LoadOptions['mode'] & string): Load => {
    const one = load({ target, connections: 2, mode, thinkTime: [0, 20] })
    loads.push(one)
    return one
  }
  return {
    arrive: ({ target }) => [begin(target, 'keep-alive'), begin(target, 'new-connection')],
    knock: ({ target }) => begin(target, 'new-connection'),
    progress: async (all, count) => {
      await Promise.all(all.map((one) => one.progress(count)))
    },
    async faultless(all) {
      for (const one of all) {
        loads.splice(loads.indexOf(one), 1)
        const { failed, samples } = await one.stop()
        expect(failed, samples.join('\n')).toBe(0)
      }
    },
    async leave() {
      await Promise.all(loads.splice(0).map((one) => one.stop()))
    },
  }
}
