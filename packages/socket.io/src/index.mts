// For `import`: a door to the CommonJS file (rolldown.config.js writes it), so that there is one.
export * from './index.js'
