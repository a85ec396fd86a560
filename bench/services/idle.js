// Does nothing but look at the clock: how late its timer is, is how long this machine kept a process
// that wants next to nothing from running.
const every = 5
const found = []

function watch() {
  const due = performance.now() + every
  setTimeout(() => {
    const now = performance.now()
    found.push({ at: performance.timeOrigin + now, late: Math.max(0, now - due) })
    watch()
  }, every)
}

watch()
process.on('message', () => process.send(found))
process.once('disconnect', () => process.exit())
