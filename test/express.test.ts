import { contract } from './contract/index.js'

contract({ name: 'Express 5', env: { FRAMEWORK: 'express', EXPRESS: 'express' } })
