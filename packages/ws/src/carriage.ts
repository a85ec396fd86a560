import type { IncomingMessage } from 'node:http'
import { carry, EndlessError, type LadenCarriage } from '@endlessjs/core'

/** @returns whether it can move */
export function tryToCarry(request: IncomingMessage, carriage: LadenCarriage): boolean {
  try {
    carry(request, carriage)
    return true
  } catch (error) {
    // Over TLS, or on a server of somebody else.
    if (error instanceof EndlessError && error.code === 'ERR_ENDLESS_UNSUPPORTED') return false
    throw error
  }
}
