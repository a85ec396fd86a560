import { Supervisor } from '../supervisor.js'
import type { FakeChannel } from './fakechannel.js'

/** The supervisor of a process, at the other end of a link that a test has. */
export function supervisorOver(link: FakeChannel): Supervisor {
  return new Supervisor({ pid: 1, slot: 0, nonce: 'n', fd: 3 }, link.channel)
}
