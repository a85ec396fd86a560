import { type LoadOptions, load } from '@endlessjs/test/client'
import { Answers } from './answers.js'
import type { Traffic } from './traffic.js'

/** The strict client of our tests: it never sends a request twice, and forgives nothing. */
export function strict(name: string, enough: number, options: LoadOptions): Traffic {
  const answers = new Answers(name)
  const running = load({
    ...options,
    onReply: ({ headers }) => answers.add(headers['x-version'] ?? 'unknown'),
  })
  return {
    name,
    enough,
    answers,
    get failures() {
      return running.report.failures
    },
    get samples() {
      return running.report.samples
    },
    ...(options.mode !== 'new-connection' && {
      kept: {
        clients: options.connections,
        get opened() {
          return running.report.connections
        },
        get reconnects() {
          return running.report.reconnects
        },
      },
    }),
    async stop() {
      await running.stop()
    },
  }
}
