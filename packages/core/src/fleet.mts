export * from './fleet.js'
