import { EndlessError, type ErrorCode, messageOf, type ToSupervisor } from '@endlessjs/core/fleet'
import type { Fleet } from './fleet.js'
import type { Worker } from './worker.js'

/** What is said to one of a fleet is said to all: by a signal to a worker, or by the app in it. */
export async function grantWish(
  fleet: Fleet,
  worker: Worker,
  { id, wish, again }: Extract<ToSupervisor, { endless: 'wish' }>,
): Promise<void> {
  try {
    if (wish === 'upgrade') await fleet.reload()
    if (wish === 'hammer') fleet.hammer()
    if (wish === 'renew') await fleet.replace(worker)
    // A terminal, and systemd, tell each of them: that is one stop. The second one to the same is a second.
    // And one that we have signalled ourselves, because its start was taken back, asks for nothing.
    const isFirst = !(fleet.isEnding || worker.isToldToStop)
    if (wish === 'shutdown' && !worker.isSignalled && (again || isFirst)) {
      if (isFirst) fleet.stoppedByWorkerAt = performance.now()
      fleet.stop()
    }
    worker.tell({ endless: 'granted', id })
  } catch (error) {
    const code: ErrorCode = error instanceof EndlessError ? error.code : 'ERR_ENDLESS_SPAWN'
    worker.tell({ endless: 'granted', id, refused: { code, message: messageOf(error) } })
  }
}
