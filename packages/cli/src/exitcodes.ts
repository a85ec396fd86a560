import { EndlessError, type ErrorCode } from '@endlessjs/core/control'

/** Scripts of deploys live by them: never change what one means. */
export const wrongUsage = 2

const failed = 1

const byCode: Partial<Record<ErrorCode, number>> = {
  ERR_ENDLESS_NO_SERVICE: 3,
  ERR_ENDLESS_UPGRADE_IN_PROGRESS: 4,
  ERR_ENDLESS_PROBATION: 5,
}

export function exitCodeOf(error: unknown): number {
  return error instanceof EndlessError ? (byCode[error.code] ?? failed) : failed
}

export const exitCodesHelp = `
Exit codes:
  0  done; of a reload: the new release serves, and has passed its probation
  1  it failed; of a reload: rolled back before the new release served anybody
  2  wrong usage
  3  no such service runs
  4  busy: another upgrade is under way (with --wait the service waits for its end)
  5  rolled back on probation: the new release had served`
