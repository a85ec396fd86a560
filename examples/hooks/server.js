// Every hook there is, each saying when it runs. Most apps need none or one of them.
import { endless } from '@endlessjs/express'
import express from 'express'

const say = (text) => console.error(`${process.pid} hook: ${text}`)
let verbose = false

const app = express()

app.get('/', (_req, res) => {
  if (verbose) say('GET /')
  res.json({ pid: process.pid })
})

endless(app, {
  pidFile: process.env.PID_FILE,

  // The life of a process, in this order. All of them may be asynchronous; they are awaited.
  // Bound, and nothing accepted yet. Throwing fails the start, and with it an upgrade.
  beforeBegin: ({ port }) => say(`beforeBegin, port ${port}`),
  // The place to connect to the database and to warm up: the predecessor serves meanwhile.
  beforeReady: () => say('beforeReady'),
  // In the old process: what the successor is started with. Throwing cancels the upgrade.
  beforeSpawn: (plan) => {
    plan.env.UPGRADED_BY = String(process.pid)
    say('beforeSpawn')
  },
  // The drain begins: end what would not end by itself. 'upgraded' or 'shutdown'.
  onDrain: (reason) => say(`onDrain, ${reason}`),
  // With `probation`: the successor died, this process serves again. Undo what onDrain did.
  onRevive: () => say('onRevive'),
  // The last word.
  onExit: (code) => say(`onExit, code ${code}`),

  // Around what a signal does: functions, or lists of them that run one after the other.
  hooks: {
    pre: {
      // Throwing here cancels the upgrade: a release may be checked first.
      SIGHUP: [() => say('pre SIGHUP, first'), () => say('pre SIGHUP, second')],
      SIGTERM: () => say('pre SIGTERM'),
      // A signal that does nothing else: ours to use.
      SIGUSR1: () => {
        verbose = !verbose
        say(`pre SIGUSR1, verbose ${verbose}`)
      },
    },
    post: {
      SIGHUP: () => say('post SIGHUP'),
      SIGTERM: () => say('post SIGTERM'),
    },
  },
}).listen(Number(process.env.PORT ?? 8_000))

if (process.env.UPGRADED_BY) say(`upgraded by ${process.env.UPGRADED_BY}`)
