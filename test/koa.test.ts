// What is no framework's, http.test.ts has; all of it once more by `npm run test:long`.
import { contract, wayOfARequest } from './contract/index.js'
import { isLong } from './support/long.js'

const koa = { name: 'Koa 3', env: { FRAMEWORK: 'koa', KOA: 'koa' }, http2: true }
if (isLong) contract(koa)
else wayOfARequest(koa)
