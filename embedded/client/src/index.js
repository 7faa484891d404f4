// The page's API, and what starts when the script is loaded.

import { setConsent } from "./consent.js"
import { flush, flushAgain } from "./delivery.js"
import { experiments, find, guarded, isDeclared, listen, page } from "./options.js"
import { hide, look, reveal, run, watch } from "./page.js"
import { ask, onAssigned, record, shown } from "./participation.js"
import { startPreview } from "./preview.js"
import { advance, inTurn, random, resume, settleNow } from "./state.js"

// `key` is that of an event that counts each time, where it is known.
const complete = (goal, { value, key = random() } = {}) => {
  const all = []
  experiments.forEach(experiment => experiment.goals.forEach(({ name }) => all.push(name)))
  const act = () => experiments.forEach((experiment, i) => experiment.goals.forEach(({ name, unique }) => {
    // The server takes up to four decimals.
    if (name === goal) record(experiment, goal, unique === false && key + i, value && +(+value).toFixed(4))
  }))
  if (isDeclared("goal", goal, all)) inTurn(act, ["complete", goal, { value, key }])
}

const api = {
  run,
  complete,
  variant(name) {
    const experiment = find(name)
    if (!experiment) return
    let given
    // No call for the next page: what follows stores who takes part.
    ask(experiment, variant => { given = variant }, 0)
    reveal(experiment)
    // At a browser's first visit another tab may decide in the same millisecond: this answer stands for this page.
    return given || shown(experiment)
  },
  user(id) {
    page.user = id
    look()
  },
  consent(isGiven) {
    setConsent(isGiven)
    flushAgain()
    look()
  },
  on(event, listener) {
    if (isDeclared("event", event, ["assigned"])) onAssigned(listener)
  },
}

const start = () => {
  for (const [name, act] of Object.entries(api)) api[name] = (...given) => guarded(act, ...given)
  window.lamed = api
  startPreview()
  hide()
  watch()
  resume((name, ...given) => api[name](...given))
  flushAgain()
  listen("click submit", ({ target, type }) => {
    const element = target.closest && target.closest("[data-lamed-goal]")
    if (element && element.matches("form") === (type === "submit")) api.complete(element.dataset.lamedGoal)
  })
  listen("pagehide visibilitychange prerenderingchange online", ({ type }) => {
    if (type === "pagehide" || document.hidden) {
      settleNow()
      flush(true)
    } else {
      advance()
      flushAgain()
    }
  })
}

if (!(window.lamed && window.lamed.run)) guarded(start)
