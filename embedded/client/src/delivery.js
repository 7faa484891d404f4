// Brings events to the server: at once, when the page goes, at the next load, and with growing pauses, until an answer
// comes. The server counts each once, however often it is sent.

import { hash } from "./assignment.js"
import { isAllowed } from "./consent.js"
import { config, guarded, track, warn } from "./options.js"
import { adopt, attempt, get, isReady, keys, put, read, remove, visitor } from "./state.js"

// What is on its way from this page.
const busy = new Set()
let failures = 0
let timer, isSoon

// A unique event leaves its variant behind, as the sign that it is done.
const done = ([key, { once, event }]) => {
  if (once) remove(key)
  else if (get(key)) put(key, event.variant)
}

/** Sends pairs of a key and what stands there; by beacon when the page goes. */
export const send = async (batch, isLeaving) => {
  for (const [key, item] of batch) {
    busy.add(key)
    if (!item.event.uuid) item.event.uuid = hash(key + visitor())
    if (!item.sent) {
      item.sent = Date.now()
      put(key, item)
    }
  }
  const body = JSON.stringify(batch.map(([, { event }]) => event))
  if (isLeaving) return navigator.sendBeacon(track, body)
  // Sends again what has no answer by then.
  timer = timer || setTimeout(() => {
    timer = 0
    failures++
    flushAgain()
  }, Math.min(3e5, 4e3 * 2 ** failures) * (0.5 + Math.random()))
  try {
    const reply = await fetch(track, { method: "POST", body, keepalive: !failures })
    const { counted, refused = [], message = refused[0] && JSON.stringify(refused) } = await reply.json()
    // What stands in the way may answer 200, too.
    if (reply.status === 200 ? counted == null : reply.status !== 400) throw 0
    if (message) warn("refused:", message, body)
    batch.forEach(done)
    failures = 0
  } catch {}
  for (const [key] of batch) busy.delete(key)
}

/** Sends what waits and is not on its way, the oldest first. */
export const flush = (isLeaving) => {
  if (!isAllowed()) return
  const all = keys()
    .map(key => [key, read(key)])
    .filter(([, item]) => attempt(() => item.event.event))
    .sort(([, a], [, b]) => a.at - b.at)
    .filter((pair, i, all) => {
      const [key, { event, sent }] = pair
      const isOver = i < all.length - 500
      if (isOver) warn("too many:", event)
      // The server may have counted what was sent, and forgotten that it did. Without a window it never forgets.
      if (isOver || Date.now() - sent > (config.window || NaN) * 500) return done(pair)
      // What is on its way without keepalive may end with the page.
      return (!busy.has(key) || (isLeaving && failures)) && (event.uuid || (isReady() && visitor()))
    })
  // Where nothing waits, nothing has failed.
  if (!all[0]) failures = 0
  // A keepalive request takes 64 KiB.
  while (all[0]) send(all.splice(0, 25), isLeaving)
}

/** Sends what this task records, after it. */
export const flushSoon = () => {
  isSoon = isSoon || Promise.resolve().then(() => guarded(flush, (isSoon = 0)))
}

/** Sends all that waits: what is on its way, too, as beacons and connections get lost. */
export const flushAgain = () => {
  if (isAllowed()) adopt()
  busy.clear()
  flush()
}
