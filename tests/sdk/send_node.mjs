// Tells a story with one of the two Node libraries: `send_node.mjs LIBRARY HOST WRITE_KEY RUN COUNT`.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const [library, host, key, run, count] = process.argv.slice(2)
const userId = `${run}-user`

function tell(analytics) {
  analytics.identify({ userId, traits: { email: `${run}@example.com`, plan: 'pro' } })
  for (let n = 0; n < Number(count); n++) {
    analytics.track({ userId, event: 'Thing Done', properties: { run, n, text: 'Zoë 😀' } })
  }
}

if (library === 'segment') {
  const { Analytics } = require('@segment/analytics-node')
  const analytics = new Analytics({ writeKey: key, host, maxEventsInBatch: 5, flushInterval: 100, httpRequestTimeout: 180000 })
  tell(analytics)
  await analytics.closeAndFlush({ timeout: 240000 })
} else {
  const Rudder = require('@rudderstack/rudder-sdk-node')
  const analytics = new (Rudder.default ?? Rudder)(key, { dataPlaneUrl: host, flushAt: 5, flushInterval: 100 })
  tell(analytics)
  await analytics.flush()
}
