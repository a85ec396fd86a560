import { endless } from '@endlessjs/express'
import express from 'express'

function create(answer) {
  const app = express()
  app.get('/', (_req, res) => res.json(answer()))
  return app
}

export const bare = (answer) => create(answer).listen(0, '127.0.0.1')
export const ours = (answer) => endless(create(answer)).listen(0, '127.0.0.1')
