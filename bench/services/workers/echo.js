// What is upgraded elsewhere in this benchmark.
import { createServer } from 'node:http'
import { app } from '../echo.js'

export const server = createServer(app)
