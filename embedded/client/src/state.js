// What the browser remembers, one key each, so that tabs never overwrite each other. Nothing here throws.
//
//   lamed:id                            the visitor: a random text that never leaves the browser
//   lamed:["namespace","name","event"]  a unique event of the visitor: as long as it is to be delivered the event,
//   lamed:<hash>                        afterwards the variant alone; <hash> is the idempotency key of a user's event
//   lamed:?<random>                     what a page asked for before the visitor had a name
//   lamed:<random>                      an event that counts each time, until it is delivered
//   lamed:consent                       set when it is given
//   lamed-off                           set when this browser is not to be counted; in sessionStorage the preview
//
// An event to deliver is {"event": what the server gets, "at": when it was, "sent": when it was first sent, "once": whether
// nothing is left of it afterwards}.

import { hash } from "./assignment.js"
import { guarded } from "./options.js"

export const PREFIX = "lamed:"
const ID = PREFIX + "id"
const OLD = "alephbet"

/** What does not work gives undefined. */
export const attempt = (act, ...given) => {
  try {
    return act(...given)
  } catch {}
}

const storage = (act, ...given) => attempt(() => localStorage[act](...given))
export const get = key => storage("getItem", key)
export const remove = key => storage("removeItem", key)
export const parsed = text => attempt(JSON.parse, text)
export const read = key => parsed(get(key))

/** Whether the value is stored. */
export const put = (key, value) => attempt(() => localStorage.setItem(key, JSON.stringify(value)) || 1)

export const keys = () => (attempt(() => Object.keys(localStorage)) || []).filter(key => key.startsWith(PREFIX))

// 96 bits: with a name of usual length one block of SHA-1.
export const random = () => crypto.getRandomValues(new Uint32Array(3)).join("-")

// --- the visitor ---

/** The visitor's id; none where nothing can be remembered. */
export const visitor = () => get(ID) || (put(ID, random()) && get(ID))

// At the first visit several tabs may be open: one of them names the visitor. The first one does under the browser's
// lock, and holds the lock until the others see what it stored. Without locks it is who waited first.
let isSettled, isAsked
let waiting = []

// What a page asked for meanwhile is kept for the next one, as some browsers tell a page nothing when it goes early. A tab
// may take what another one is about to do: nothing is counted twice, as keys are part of what is kept.
const LEFT = PREFIX + "?"
const mine = LEFT + random()
let calls = []

const wait = (act, call) => {
  waiting.push(act)
  if (!call || document.prerendering) return
  calls.push(call)
  // At once: a page that closes itself may run nothing more.
  put(mine, calls)
}

/** Whether the visitor's id cannot change any more. A page that is loaded ahead waits until it is seen. */
export const isReady = () => !document.prerendering && (isSettled || (!isAsked && get(ID)))

const proceed = () => {
  remove(mine)
  calls = []
  waiting.splice(0).forEach(act => guarded(act))
}

/** Calls a function with each call that earlier pages left. */
export const resume = act => {
  const left = () => keys().filter(key => key.startsWith(LEFT))
  if (left()[0]) settle(() => left().forEach(key => {
    // Another tab may have taken them.
    const calls = read(key) || []
    remove(key)
    calls.forEach(call => act(...call))
  }))
}

/** The visitor's id is what it is now: does what waits for it. */
export const settleNow = () => {
  if (document.prerendering || !waiting[0]) return
  visitor()
  isSettled = true
  proceed()
}

/** Does what waits, if it can, or sees to it that it will. */
export const advance = () => {
  if (isReady()) return proceed()
  if (document.prerendering || isAsked || !waiting[0]) return
  isAsked = true
  const { locks } = navigator
  setTimeout(settleNow, locks ? 1e3 : 50)
  const first = () => {
    settleNow()
    return new Promise(seen => setTimeout(seen, 100))
  }
  // After the page's code, which need not wait for it.
  if (locks) Promise.resolve().then(() => locks.request(PREFIX, first)).catch(first)
}

/** Calls a function as soon as the visitor's id is settled: at once but for the first visit. */
export const settle = (act, call) => {
  isReady() && !waiting[0] ? act() : wait(act, call)
  advance()
}

/** Calls a function, after what waits. */
export const inTurn = (act, call) => (waiting[0] || document.prerendering ? wait(act, call) : act())

/** Forgets the visitor and what came of it. */
export const erase = () => {
  keys().concat(OLD).forEach(remove)
  isSettled = isAsked = 0
  waiting = []
}

// --- what AlephBet remembered ---

/** AlephBet's state, an object. */
export const old = () => Object(read(OLD))

/** Takes over what AlephBet did not deliver. Its events were sent before; nobody knows when. */
export const adopt = () => attempt(() => {
  const state = old()
  for (const queue of Object.keys(state)) {
    if (!/^_.+_queue$/.test(queue)) continue
    for (const { properties } of parsed(state[queue]) || []) {
      const item = { event: properties, once: 1, at: 0, sent: Date.now() }
      if (!put(PREFIX + hash(JSON.stringify(properties)), item)) return
    }
    delete state[queue]
    put(OLD, state)
  }
})
