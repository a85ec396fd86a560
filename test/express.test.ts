import { contract } from './contract/index.js'

contract({ name: 'Express 5', env: { FRAMEWORK: 'express', EXPRESS: 'express' } })
contract({ name: 'Express 4.18', env: { FRAMEWORK: 'express', EXPRESS: 'express-4-first' } })
