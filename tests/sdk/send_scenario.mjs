// Tells the calls that come on standard input with Segment's library: `send_scenario.mjs HOST WRITE_KEY < calls.json`.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const require = createRequire(import.meta.url)
const { Analytics } = require('@segment/analytics-node')
const [host, key] = process.argv.slice(2)
const analytics = new Analytics({ writeKey: key, host, maxEventsInBatch: 100, flushInterval: 50, httpRequestTimeout: 180000 })
for (const { type, timestamp, ...call } of JSON.parse(readFileSync(0, 'utf8'))) {
  analytics[type]({ ...call, timestamp: new Date(timestamp) })
}
await analytics.closeAndFlush({ timeout: 240000 })
