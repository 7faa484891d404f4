// Who takes part in what, and with which variant.

import { draw, hash, isDrawn, pick } from "./assignment.js"
import { isAllowed } from "./consent.js"
import { flushSoon, send } from "./delivery.js"
import { config, experiments, guarded, namesOf, page } from "./options.js"
import { PREFIX, get, old, put, read, settle, visitor } from "./state.js"

const EXPOSURE = "participate"

const unitOf = ({ user }) => user ? page.user : visitor()
const inherit = ({ user, wire }, word) => user ? undefined : old()[`${wire}:${word}`]

const keyOf = ({ user, wire }, event) => PREFIX + (user
  ? hash(config.namespace, wire, event, page.user)
  : JSON.stringify([config.namespace, wire, event]))

const assign = (experiment, unit) => pick(draw(experiment.wire, "variant", unit), experiment.variants)

const isRunning = ({ user, state }) => state === "running" && isAllowed() && (!user || page.user)

// The variant with which this browser takes part already.
const remembered = (experiment, stored = read(keyOf(experiment, EXPOSURE))) => {
  if (experiment.user) return stored && assign(experiment, page.user)
  return (stored && stored.event ? stored.event.variant : stored) || inherit(experiment, "variant")
}

// The server makes one regular expression of the paths.
/** Whether it may take in whom this is, on this path. Whom it took in on this page stays in, if that is slow. */
export const isOpen = experiment =>
  isRunning(experiment) && (!page.isLate || experiment.told) && (!experiment.path || RegExp(experiment.path).test(location.pathname))

// Stores an event and has it sent; one that cannot be stored is sent once, but for an exposure.
const store = ({ user, wire }, event, variant, key, once, value) => {
  // A visitor's key is known when the visitor is: when it is sent.
  const uuid = (user || once) && key.slice(6)
  const item = { event: { namespace: config.namespace, experiment: wire, event, variant, uuid, value }, once, at: Date.now() }
  const isStored = put(key, item)
  if (isStored) settle(flushSoon)
  else if (event !== EXPOSURE) send([[key, item]])
  return isStored
}

// The variant that this browser takes part with from now on; none if it does not.
const take = (experiment) => {
  if (!isOpen(experiment)) return
  const key = keyOf(experiment, EXPOSURE)
  let variant = remembered(experiment, read(key))
  if (variant) {
    // AlephBet has counted whom it remembers.
    if (!get(key)) put(key, variant)
  } else {
    const unit = unitOf(experiment)
    variant = unit && inherit(experiment, "in_sample") !== false && isDrawn(experiment, unit) && assign(experiment, unit)
    // A page that is loaded ahead counts when it is seen. Who cannot be remembered is not counted.
    if (!variant || !(document.prerendering || store(experiment, EXPOSURE, variant, key))) return
  }
  // What is not declared is not shown, and so not counted.
  return namesOf(experiment).includes(variant) && variant
}

/** Records what a participant did: once, or each time, under a key of its own. */
export const record = (experiment, event, once, value) => {
  const variant = isRunning(experiment) && remembered(experiment)
  const key = once ? PREFIX + once : keyOf(experiment, event)
  if (namesOf(experiment).includes(variant) && !get(key) && (once || inherit(experiment, event) !== true))
    store(experiment, event, variant, key, once, value)
}

const listeners = []
const tell = (listener, { name, told }) => guarded(listener, { experiment: name, variant: told })

/** The variant that a page shows. Who can take part does from now on. */
export const shown = (experiment) => {
  if (experiment.forced) return experiment.forced
  const variant = take(experiment)
  if (variant && experiment.told !== variant) {
    experiment.told = variant
    listeners.forEach(listener => tell(listener, experiment))
  }
  return variant || experiment.fallback
}

/** Tells a listener of each assignment, those before it included. */
export const onAssigned = (listener) => {
  listeners.push(listener)
  experiments.forEach(experiment => experiment.told && tell(listener, experiment))
}

/** Calls a function with the variant when that cannot change any more: at once, but for a browser's first visit. */
export const ask = (experiment, act, call = ["variant", experiment.name]) => {
  const answer = () => act(shown(experiment))
  isOpen(experiment) ? settle(answer, call) : answer()
}
