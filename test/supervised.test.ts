// The contract under `endless start` with one worker: a test of it knows one process that serves. With several
// of them it is the apps that are shown (test/apps/fleet.test.ts), and the fleet itself (test/fleet.*.test.ts).
import { contract } from './contract/index.js'

contract({
  name: 'a bare server under endless start',
  env: { FRAMEWORK: 'http' },
  http2: true,
  supervised: true,
})
