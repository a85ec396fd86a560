// What is no framework's, http.test.ts has; all of it once more by `npm run test:long`.
import { contract, wayOfARequest } from './contract/index.js'
import { isLong } from './support/long.js'

const express = { name: 'Express 5', env: { FRAMEWORK: 'express', EXPRESS: 'express' } }
if (isLong) contract(express)
else wayOfARequest(express)
