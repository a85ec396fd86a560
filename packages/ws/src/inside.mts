// For `import`: as index.mts.
export * from './inside.js'
