// NestJS as its docs have it, and `endless start` before the command.
import { test } from 'vitest'
import {
  reloadsLoseNothing,
  startUnmodified,
  stopAnswersWhatIsInFlight,
} from '../../support/unmodified.js'

test.each(['nest-express.js', 'nest-fastify.js'])(
  'endless start -w 2 %s: three reloads lose nothing, nobody connects again',
  async (script) => {
    await using fleet = await startUnmodified(import.meta.dirname, script)
    await reloadsLoseNothing(fleet)
    await stopAnswersWhatIsInFlight(fleet)
  },
)
