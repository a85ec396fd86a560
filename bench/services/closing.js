// The app with a graceful shutdown as guides have it: `server.close()`, and exit when it is done.
// Under pm2, and under a runner that starts it again.
import { app } from './echo.js'

const server = app.listen(Number(process.env.PORT), '127.0.0.1', (error) => {
  if (error) throw error
  process.send?.('ready')
})
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => server.close(() => process.exit()))
process.once('disconnect', () => process.exit())
