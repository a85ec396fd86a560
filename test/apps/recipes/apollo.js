// apollo.js
import { setTimeout as delay } from 'node:timers/promises'
import { ApolloServer } from '@apollo/server'
import { expressMiddleware } from '@as-integrations/express5'
import { endless } from '@endlessjs/express'
import express from 'express'

const apollo = new ApolloServer({
  typeDefs: 'type Query { pid: Int!, slow: String! }',
  resolvers: { Query: { pid: () => process.pid, slow: () => delay(300, 'done') } },
  // By default it stops at the signal, and then sends the signal again.
  stopOnTerminationSignals: false,
})
await apollo.start()

const app = express()
app.use('/graphql', express.json(), expressMiddleware(apollo))

// When the last request is answered: its drainServer and serverWillStop hooks run here.
endless(app, { onExit: () => apollo.stop() }).listen(process.env.PORT ?? 8000)
