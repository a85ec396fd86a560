import { endless } from '@endlessjs/koa'
import Koa from 'koa'

function create(answer) {
  const app = new Koa()
  app.use((ctx) => {
    ctx.body = answer()
  })
  return app
}

export const bare = (answer) => create(answer).listen(0, '127.0.0.1')
export const ours = (answer) => endless(create(answer)).listen(0, '127.0.0.1')
