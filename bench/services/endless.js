// The app on endless, with the options that OPTIONS names.
import '@endlessjs/test/report'
import { endless } from '@endlessjs/express'
import { app } from './echo.js'

endless(app, JSON.parse(process.env.OPTIONS ?? '{}')).listen(0, '127.0.0.1')
